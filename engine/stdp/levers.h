// What a power mode may set on a competitive network.
#pragma once

#include "engine/network/levers.h"
#include "engine/stdp/plan.h"

namespace torpor {

Levers StdpLevers(const StdpPlan& plan);

}  // namespace torpor
