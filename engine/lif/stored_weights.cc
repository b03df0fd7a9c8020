#include "engine/lif/stored_weights.h"

#include <string>
#include <utility>
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

std::vector<v1::WeightArray> LifWeightArrays(const LifDefinition& definition,
                                             const LifParameters& learned,
                                             std::optional<int> bits) {
  const LifParameters stored = StoredLifWeights(definition, learned, bits);
  const int own =
      definition.quantization.has_weight_bits() ? definition.quantization.weight_bits() : 32;
  std::vector<v1::WeightArray> arrays;
  const auto add = [&](std::string name, const std::vector<float>& weights) -> v1::WeightArray& {
    v1::WeightArray& array = arrays.emplace_back();
    array.set_name(std::move(name));
    array.set_bits(bits.value_or(own));
    array.set_density(1 - static_cast<double>(ShareOfZeros(weights)));
    return array;
  };
  for (size_t l = 0; l < stored.size(); ++l) {
    const LifLayerShape& shape = definition.layers[l];
    if (!shape.has_weights()) continue;
    v1::WeightArray& array = add(shape.name, stored[l].input);
    if (shape.kind == LifLayerKind::kConv2d) {
      v1::WeightArray::Conv2dShape& conv = *array.mutable_conv2d();
      conv.set_height(shape.input_image.height);
      conv.set_width(shape.input_image.width);
      conv.set_kernel_height(shape.kernel.height);
      conv.set_kernel_width(shape.kernel.width);
      conv.set_input_channels(shape.input_image.channels);
      conv.set_output_channels(shape.units);
      conv.set_places(static_cast<int32_t>(shape.output_image.plane()));
    } else {
      array.mutable_dense()->set_inputs(shape.inputs);
      array.mutable_dense()->set_outputs(shape.units);
    }
    if (!shape.recurrent) continue;
    v1::WeightArray& own_array = add(shape.name + "-recurrent", stored[l].recurrent);
    own_array.mutable_dense()->set_inputs(shape.units);
    own_array.mutable_dense()->set_outputs(shape.units);
  }
  return arrays;
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
