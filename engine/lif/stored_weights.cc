#include "engine/lif/stored_weights.h"

#include <vector>

#include "engine/lif/wage.h"
#include "engine/lif/weight_range.h"

namespace torpor {
namespace {

bool IsWage(const LifDefinition& definition) {
  return definition.quantization.scheme() == v1::LifQuantization::Scheme::WAGE;
}

void InRange(std::vector<float>& weights, int bits) {
  QuantiseInRange(weights, RangeOf(weights, bits), weights);
}

// In float32 too: stored weights are larger than the network's by the scale.
void InWage(std::vector<float>& weights, std::optional<int> bits, float scale) {
  if (bits.has_value()) {
    WageWeights(weights, *bits, scale, weights);
  } else {
    for (float& weight : weights) weight /= scale;
  }
}

}  // namespace

float WageScaleOf(const LifDefinition& definition, const LifLayerShape& layer) {
  const int bits = definition.quantization.has_weight_bits() ? definition.quantization.weight_bits()
                                                             : kLifFloatBits - 1;
  return WageLayerOf(bits, static_cast<float>(layer.initial_range)).scale;
}

LifParameters StoredLifWeights(const LifDefinition& definition, const LifParameters& learned,
                               std::optional<int> bits) {
  if (!bits.has_value() && definition.quantization.has_weight_bits()) {
    bits = definition.quantization.weight_bits();
  }
  if (bits.has_value() && *bits >= kLifFloatBits) bits.reset();
  LifParameters stored = learned;
  for (size_t l = 0; l < stored.size(); ++l) {
    for (std::vector<float>* weights : {&stored[l].input, &stored[l].recurrent}) {
      if (IsWage(definition)) {
        InWage(*weights, bits, WageScaleOf(definition, definition.layers[l]));
      } else if (bits.has_value()) {
        InRange(*weights, *bits);
      }
    }
  }
  return stored;
}

}  // namespace torpor
