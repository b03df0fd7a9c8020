// Which memory organisation is cheaper, from which density on, and how far that holds when the
// coefficients are known by their ranges alone.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/energy/memory_estimate.h"
#include "torpor/v1/memory.pb.h"

namespace torpor {

// Names what is wrong with the request's draws, by path.
void CheckMemoryDraws(const v1::CompareMemoryRequest& request, Violations& violations);

// Of the request, schemes, draws and seed, which passed their checks as `arrays` and `profile` did.
// A function of its arguments alone. INVALID_ARGUMENT names each scheme that cannot hold every
// array, and `schemes` where fewer than two are left.
absl::StatusOr<v1::CompareMemoryResponse> CompareMemory(std::span<const v1::WeightArray> arrays,
                                                        const v1::CompareMemoryRequest& request,
                                                        const v1::DeviceProfile& profile,
                                                        const Cancellation& cancellation);

// The p-th percentile, p in 0..100, between the neighbours in rank, the lower one where that is
// -infinity; `sorted` ascending, not empty.
double Percentile(std::span<const double> sorted, double p);

}  // namespace torpor
