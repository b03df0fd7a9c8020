// Bias policy EMPIRICAL: c = epsilon b + (1 - epsilon) m with the m of Merkel's eq. 11, E[delta^2
// s] / E[delta^2], from the true deltas dL/ds of the model's loss at full power over the
// calibration data. A unit that never has a delta has m = 0.
#pragma once

#include "engine/scaling/scaling_layer.h"

namespace torpor {

// layer.statistics is set and has delta_mean.
ScaledBias EmpiricalBias(const ScalingLayer& layer);

}  // namespace torpor
