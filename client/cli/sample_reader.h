// Samples of the server's datasets.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "torpor/v1/dataset.pb.h"
#include "torpor/v1/inference.pb.h"

namespace torpor::cli {

// `count` samples from `first` on, fewer where the split ends: as many calls as it takes.
// `dataset`: id or full name. `first_flag`: where the user says which is the first, for errors;
// empty where no user does.
absl::StatusOr<v1::ReadSamplesResponse> ReadSamples(Context& context, const std::string& dataset,
                                                    v1::Split::Kind split, int64_t first,
                                                    int64_t count,
                                                    absl::string_view first_flag = "");

// Rows first..first+count-1 of samples [n x sample shape], flat: [count x inputs], as every network
// takes them.
v1::Tensor FlatRows(const v1::Tensor& samples, int64_t first, int64_t count);

// Sample `i` as the spikes that a network with the code `spikes` sees: [steps, units], a spike
// where the value is at least one half. A usage error for another shape or more steps than a chunk
// may have.
absl::StatusOr<v1::SpikeTrain> InputSpikes(const v1::ReadSamplesResponse& samples, int64_t i);
// The spikes that it is to become; a usage error for samples without.
absl::StatusOr<v1::SpikeTrain> TargetSpikes(const v1::ReadSamplesResponse& samples, int64_t i);

}  // namespace torpor::cli
