// A network with traces as a power mode has it.
#pragma once

#include "engine/lif/definition.h"
#include "engine/lif/deployment.h"
#include "engine/lif/weights.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// Weights stored in the mode's bits, then scaled by the layers' epsilons; with bias HOMOGENEOUS
// thresholds and resets (delta) scaled alike, which leaves every spike as it was in exact
// arithmetic. A last layer that integrates has no threshold: its scores shrink with its epsilon,
// unless output_gain brings them back. The mode was checked. Read-out, stop scales and seed are
// left open.
LifDrive ScaledLifNetwork(const LifDefinition& definition, const LifParameters& learned,
                          const v1::PowerMode& mode);

}  // namespace torpor
