// What a power mode may set on a rate network.
#pragma once

#include <vector>

#include "engine/network/levers.h"
#include "engine/rate/definition.h"

namespace torpor {

// epsilon (one value and by layer with weights), epsilon_by, bias, output_gain, output_shift (for
// sigmoid outputs) and approximate.
Levers RateLevers(const std::vector<RateLayerShape>& layers);

}  // namespace torpor
