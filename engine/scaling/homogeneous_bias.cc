#include "engine/scaling/homogeneous_bias.h"

namespace torpor {

const ScalingLayer* FirstNotHomogeneous(std::span<const ScalingLayer> layers) {
  for (size_t l = 0; l + 1 < layers.size(); ++l) {
    if (!IsPositivelyHomogeneous(layers[l].activation)) return &layers[l];
  }
  return nullptr;
}

}  // namespace torpor
