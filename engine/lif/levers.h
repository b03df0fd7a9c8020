// What a power mode may set on a network with traces.
#pragma once

#include "engine/lif/definition.h"
#include "engine/network/levers.h"

namespace torpor {

Levers LifLevers(const LifDefinition& definition);

}  // namespace torpor
