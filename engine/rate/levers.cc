#include "engine/rate/levers.h"

#include <string>
#include <utility>

#include "engine/network/lever_kinds.h"

namespace torpor {

Levers RateLevers(const std::vector<RateLayerShape>& layers) {
  v1::Lever epsilon = NumberLever(
      "epsilon", 0, 1, "1", "Scale of the weights; synaptic power falls about in proportion.");
  epsilon.set_minimum_exclusive(true);
  epsilon.set_per_layer(true);
  std::vector<v1::Lever> levers = {
      std::move(epsilon),
      ChoiceLever("bias", {"none", "table", "homogeneous", "empirical", "matched", "tuned"},
                  {"table", "empirical", "matched"}, "none",
                  "How biases follow the scaled weights."),
      ChoiceLever("epsilon_by", {"reprogram", "read_voltage", "read_time"}, {}, "reprogram",
                  "What is turned down so that the signal shrinks by epsilon."),
      SwitchLever(
          "output_gain", false,
          "Multiplies the outputs by what scaling took from them; needs calibration where that "
          "is not gamma."),
  };
  if (layers.back().activation == v1::Activation::SIGMOID && layers.back().units > 1) {
    levers.push_back(SwitchLever("output_shift", true,
                                 "Adds one number to all outputs, so that their mean sum is 1."));
  }
  levers.push_back(
      SwitchLever("approximate", false,
                  "Accepts a bias policy where it is not exact, instead of refusing it."));

  std::vector<std::string> with_weights;
  std::vector<std::string> without;
  for (const RateLayerShape& layer : layers) {
    (layer.has_weights() ? with_weights : without).push_back(layer.name);
  }
  return Levers(std::move(levers), std::move(with_weights), std::move(without));
}

}  // namespace torpor
