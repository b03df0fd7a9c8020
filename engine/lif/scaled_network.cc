#include "engine/lif/scaled_network.h"

#include <algorithm>
#include <optional>

#include "engine/lif/stored_weights.h"

namespace torpor {
namespace {

constexpr int kFloat32 = 32;
// The least scale: inverses, thresholds, and steps of 16 bits of a membrane stay within floats.
constexpr float kLeastScale = 1e-30f;

double EpsilonOf(const v1::PowerMode& mode, const LifLayerShape& layer) {
  const auto own = mode.layer_epsilon().find(layer.name);
  if (own != mode.layer_epsilon().end()) return own->second;
  return mode.has_epsilon() ? mode.epsilon() : 1;
}

void Scale(float by, std::vector<float>& weights) {
  for (float& weight : weights) weight *= by;
}

}  // namespace

LifDrive ScaledLifNetwork(const LifDefinition& definition, const LifParameters& learned,
                          const v1::PowerMode& mode) {
  LifDrive drive;
  drive.definition = definition;
  std::optional<int> bits;
  if (definition.quantization.has_weight_bits()) bits = definition.quantization.weight_bits();
  if (mode.has_precision_bits()) bits = mode.precision_bits();
  drive.weights = StoredLifWeights(definition, learned, bits);
  drive.scales.assign(drive.weights.size(), 1.0f);
  drive.weight_bits = bits.has_value() && *bits < kLifFloatBits ? *bits : kFloat32;
  drive.steps = mode.has_steps() ? mode.steps() : definition.steps;
  const bool homogeneous = mode.bias() == v1::BiasPolicy::HOMOGENEOUS;
  for (size_t l = 0; l < drive.weights.size(); ++l) {
    LifLayerShape& layer = drive.definition.layers[l];
    if (!layer.has_weights()) continue;
    const double epsilon = EpsilonOf(mode, layer);
    if (mode.layer_epsilon().contains(layer.name)) {
      (*drive.mode.mutable_layer_epsilon())[layer.name] = epsilon;
    }
    const float by = std::max(static_cast<float>(epsilon), kLeastScale);
    const bool last = l + 1 == drive.weights.size();
    if (last && mode.output_gain()) drive.gain = 1 / by;
    if (epsilon == 1) continue;
    drive.scales[l] = by;
    Scale(by, drive.weights[l].input);
    Scale(by, drive.weights[l].recurrent);
    if (!homogeneous) continue;
    layer.neuron.threshold *= by;
    layer.neuron.delta *= by;
    layer.neuron.membrane_unit *= by;
  }
  drive.mode.set_steps(drive.steps);
  if (mode.has_margin()) drive.mode.set_margin(mode.margin());
  if (drive.weight_bits != kFloat32) drive.mode.set_precision_bits(drive.weight_bits);
  drive.mode.set_epsilon(mode.has_epsilon() ? mode.epsilon() : 1);
  drive.mode.set_bias(homogeneous ? v1::BiasPolicy::HOMOGENEOUS : v1::BiasPolicy::NONE);
  if (definition.integrates) drive.mode.set_output_gain(mode.output_gain());
  return drive;
}

}  // namespace torpor
