// Digital output gain: outputs are multiplied by 1 / kappa, kappa the gain that scaling left them.
//
// kappa is the regression of the scaled outputs on those of full power (scaled_signal.h): gamma of
// the last layer for HOMOGENEOUS, for any policy on a single layer, and wherever else the outputs
// are gamma times those of full power; an estimate from calibration statistics otherwise. The class
// stays; without noise, and as far as the outputs keep their shape, the full-power probabilities
// come back.
#pragma once

#include "engine/scaling/scaled_signal.h"

namespace torpor {

// Never 0 or infinite: outputs that scaling left without signal, or turned round, keep gain 1.
double OutputGain(const ScaledSum& outputs);

}  // namespace torpor
