#include "engine/rate/levers.h"

#include <initializer_list>
#include <string>
#include <utility>

namespace torpor {
namespace {

v1::Lever Choice(const char* name, std::initializer_list<const char*> choices,
                 std::initializer_list<const char*> needs_calibration, const char* full_power,
                 const char* description) {
  v1::Lever lever;
  lever.set_name(name);
  lever.set_kind(v1::Lever::CHOICE);
  for (const char* choice : choices) lever.add_choices(choice);
  for (const char* choice : needs_calibration) lever.add_needs_calibration(choice);
  lever.set_full_power(full_power);
  lever.set_description(description);
  return lever;
}

v1::Lever Switch(const char* name, bool needs_calibration, const char* description) {
  v1::Lever lever;
  lever.set_name(name);
  lever.set_kind(v1::Lever::SWITCH);
  if (needs_calibration) lever.add_needs_calibration("true");
  lever.set_full_power("false");
  lever.set_description(description);
  return lever;
}

}  // namespace

Levers RateLevers(const std::vector<RateLayerShape>& layers) {
  v1::Lever epsilon;
  epsilon.set_name("epsilon");
  epsilon.set_kind(v1::Lever::NUMBER);
  epsilon.set_minimum(0);
  epsilon.set_maximum(1);
  epsilon.set_minimum_exclusive(true);
  epsilon.set_per_layer(true);
  epsilon.set_full_power("1");
  epsilon.set_description("Scale of the weights; synaptic power falls about in proportion.");
  std::vector<v1::Lever> levers = {
      std::move(epsilon),
      Choice("bias", {"none", "table", "homogeneous", "empirical", "matched", "tuned"},
             {"table", "empirical", "matched"}, "none", "How biases follow the scaled weights."),
      Choice("epsilon_by", {"reprogram", "read_voltage", "read_time"}, {}, "reprogram",
             "What is turned down so that the signal shrinks by epsilon."),
      Switch("output_gain", false,
             "Multiplies the outputs by what scaling took from them; needs calibration where that "
             "is not gamma."),
  };
  if (layers.back().activation == v1::Activation::SIGMOID && layers.back().units > 1) {
    levers.push_back(Switch("output_shift", true,
                            "Adds one number to all outputs, so that their mean sum is 1."));
  }
  levers.push_back(Switch("approximate", false,
                          "Accepts a bias policy where it is not exact, instead of refusing it."));

  std::vector<std::string> with_weights;
  std::vector<std::string> without;
  for (const RateLayerShape& layer : layers) {
    (layer.has_weights() ? with_weights : without).push_back(layer.name);
  }
  return Levers(std::move(levers), std::move(with_weights), std::move(without));
}

}  // namespace torpor
