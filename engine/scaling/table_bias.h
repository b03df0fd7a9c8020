// Bias policy TABLE: c = epsilon b + (1 - epsilon) m with m from Merkel's Table I (table_one.h), as
// if s were normal with the unit's mean and standard deviation; m = 0 for a ReLU unit that never
// fires.
#pragma once

#include "engine/scaling/scaling_layer.h"

namespace torpor {

// layer.statistics is set.
ScaledBias TableBias(const ScalingLayer& layer);

}  // namespace torpor
