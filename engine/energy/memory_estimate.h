// Reports on memory organisations: what arrays of weights take in each.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/status.h"
#include "engine/energy/memory_costs.h"
#include "torpor/v1/memory.pb.h"

namespace torpor {

using MemorySchemeList = google::protobuf::RepeatedField<int>;

// Names what is wrong with a subject by its path after `path`, which ends in a dot: neither arrays
// nor a name, or both, more than 256 arrays, each wrong array, bits without a name or out of 1..32.
void CheckMemorySubject(const v1::MemorySubject& subject, const std::string& path,
                        Violations& violations);

// A subject's own arrays, those without a name named "array0", "array1", ...
std::vector<v1::WeightArray> GivenArrays(const v1::MemorySubject& subject);

// Names each scheme ("schemes[1]") that does not exist or comes twice.
void CheckMemorySchemes(const MemorySchemeList& schemes, Violations& violations);

// The costs that are asked for. INVALID_ARGUMENT names what is wrong with them, by paths from the
// request ("costs.device_profile.coefficients[0].value"); NOT_FOUND: no such profile.
absl::StatusOr<v1::DeviceProfile> MemoryProfileOf(const v1::MemoryCosts& costs);

// What an array, or several, take in one scheme. Joules.
struct MemoryFigures {
  double storage_bits = 0;
  double forward = 0;
  double backward = 0;
  double update = 0;
  double Of(v1::MemoryQuantity::Kind quantity) const;
};
MemoryFigures& operator+=(MemoryFigures& sum, const MemoryFigures& part);
MemoryFigures FiguresOf(const MemoryTraffic& traffic, const MemoryCosts& costs);

// `arrays`, at least one, `schemes` and `profile` passed their checks. INVALID_ARGUMENT names each
// scheme that can hold none of the arrays ("schemes[0]").
absl::StatusOr<v1::EstimateMemoryResponse> EstimateMemory(std::span<const v1::WeightArray> arrays,
                                                          const MemorySchemeList& schemes,
                                                          const v1::DeviceProfile& profile);

}  // namespace torpor
