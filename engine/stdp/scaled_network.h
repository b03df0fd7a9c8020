// A trained network as a power mode wants it.
#pragma once

#include "engine/stdp/deployment.h"
#include "engine/stdp/plan.h"

namespace torpor {

// Parameters, weights, bits and the mode with every lever at its value in force; labels, read-out
// and seed are left. With bias HOMOGENEOUS everything that a potential is compared with or reset to
// scales by epsilon as the weights do, so that spikes stay in exact arithmetic. Weights are scaled
// first and stored in the mode's bits then. `mode` was checked.
StdpDrive ScaledNetwork(const StdpPlan& plan, const StdpWeights& weights,
                        const v1::PowerMode& mode);

}  // namespace torpor
