#include "engine/lif/levers.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/network/lever_kinds.h"

namespace torpor {

Levers LifLevers(const LifDefinition& definition) {
  v1::Lever epsilon =
      NumberLever("epsilon", 0, 1, "1", "Scale of the weights; synaptic power falls about alike.");
  epsilon.set_minimum_exclusive(true);
  epsilon.set_per_layer(true);
  const bool stored = definition.quantization.has_weight_bits();
  std::vector<v1::Lever> levers = {
      NumberLever("steps", 1, definition.steps, absl::StrCat(definition.steps),
                  "Steps that a sample is run for; energy is about in proportion."),
      NumberLever(
          "precision_bits", 2, 32,
          stored ? absl::StrCat(definition.quantization.weight_bits()) : std::string("32 (float)"),
          "Bits of a stored weight; 17 and more: a float of 32."),
      std::move(epsilon),
      ChoiceLever("bias", {"none", "homogeneous"}, {}, "none",
                  "Whether thresholds and resets follow the scaled weights (homogeneous), which "
                  "leaves spikes as they are."),
  };
  // One class leads no other.
  if (definition.classes() > 1) {
    levers.insert(levers.begin() + 1,
                  NumberLever("margin", 0, std::numeric_limits<float>::max(), "none",
                              definition.integrates
                                  ? "Lead of the first class's mean membrane over the second's at "
                                    "which a sample stops early; looked at after every step."
                                  : "Lead in spikes of the first class over the second at which a "
                                    "sample stops early; looked at after every step."));
  }
  if (definition.integrates) {
    levers.push_back(SwitchLever("output_gain", false,
                                 "Multiplies the outputs by what the last layer's epsilon took."));
  }
  std::vector<std::string> with_weights, without;
  for (const LifLayerShape& layer : definition.layers) {
    (layer.has_weights() ? with_weights : without).push_back(layer.name);
  }
  return Levers(std::move(levers), std::move(with_weights), std::move(without));
}

}  // namespace torpor
