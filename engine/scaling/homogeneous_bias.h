// Bias policy HOMOGENEOUS: c = gamma b.
//
// Behind positively homogeneous activations every pre-activation is then gamma times that of full
// power, so classes stay those of full power in exact arithmetic; the activation of the last layer
// plays no part.
#pragma once

#include <span>

#include "engine/scaling/scaling_layer.h"

namespace torpor {

inline ScaledBias HomogeneousBias(const ScalingLayer& layer) {
  return BiasTimes(layer.gamma, layer.bias);
}

// The first layer whose activation breaks this, null if there is none.
const ScalingLayer* FirstNotHomogeneous(std::span<const ScalingLayer> layers);

}  // namespace torpor
