// Which bias goes with scaled weights: one unit a policy (<policy>_bias.h, tuned.h), and here the
// choice among those with a closed form.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/scaling/scaling_layer.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// Biases of all layers under `policy`, which is not TUNED. At full power each is exactly b. What
// the policy needs and calibration lacks is FAILED_PRECONDITION with reason CALIBRATION_REQUIRED,
// path "bias" and a way out.
absl::StatusOr<std::vector<ScaledBias>> ClosedFormBiases(v1::BiasPolicy::Kind policy,
                                                         std::span<const ScalingLayer> layers);

// OK if HOMOGENEOUS keeps the classes: every layer but the last is positively homogeneous.
// Otherwise FAILED_PRECONDITION with reason NOT_HOMOGENEOUS, path "bias", the layer's name and a
// way out.
absl::Status CheckHomogeneous(std::span<const ScalingLayer> layers);

// FAILED_PRECONDITION, reason CALIBRATION_REQUIRED: `what` ("bias: the policy table") needs
// statistics that the model has not; `again` if it has others.
absl::Status CalibrationRequired(const std::string& what, bool again = false);

}  // namespace torpor
