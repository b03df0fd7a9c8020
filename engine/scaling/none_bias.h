// Bias policy NONE: c = b (the solid lines of Merkel's figures 4 and 5).
#pragma once

#include "engine/scaling/scaling_layer.h"

namespace torpor {

inline ScaledBias NoneBias(const ScalingLayer& layer) { return BiasTimes(1, layer.bias); }

}  // namespace torpor
