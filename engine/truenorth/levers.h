// What a power mode may set on a grid of cores.
#pragma once

#include "engine/network/levers.h"
#include "engine/truenorth/plan.h"

namespace torpor {

// steps (ticks), copies and margin.
Levers TrueNorthLevers(const GridPlan& plan);

}  // namespace torpor
