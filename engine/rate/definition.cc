#include "engine/rate/definition.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/validation.h"

namespace torpor {
namespace {

constexpr int kMaxLayers = 64;

void CheckLayer(const v1::RateLayer& layer, const std::string& path, Violations& violations) {
  if (!layer.name().empty() && !IsLayerName(layer.name())) {
    violations.Add(absl::StrCat(path, ".name"),
                   absl::StrCat("must match [a-z][a-z0-9_-]{0,31}, got \"", layer.name(), "\""));
  }
  if (!layer.has_dense()) {
    violations.Add(absl::StrCat(path, ".dense"),
                   "a layer needs a kind that this server knows: dense");
  } else if (layer.dense().units() < 1 || layer.dense().units() > kMaxDimension) {
    violations.Add(absl::StrCat(path, ".dense.units"),
                   absl::StrCat("must be in 1..", kMaxDimension, ", got ", layer.dense().units()));
  }
  if (layer.activation() == v1::Activation::UNSPECIFIED ||
      !v1::Activation::Kind_IsValid(layer.activation())) {
    violations.Add(absl::StrCat(path, ".activation"),
                   "must be one of LINEAR, RELU, SIGMOID, TANH, STEP");
  }
}

}  // namespace

absl::StatusOr<std::vector<RateLayerShape>> ResolveRateNetwork(const v1::Network& network) {
  Violations violations;
  CheckDisplayName(network, violations);
  const v1::RateNetwork& rate = network.rate();
  int64_t inputs = CheckInput(rate.input(), "rate.input.shape", violations);
  if (rate.layers_size() < 1 || rate.layers_size() > kMaxLayers) {
    violations.Add("rate.layers",
                   absl::StrCat("must have 1..", kMaxLayers, " layers, has ", rate.layers_size()));
    return violations.ToStatus();
  }
  std::vector<RateLayerShape> layers;
  std::set<std::string> names;
  int64_t parameters = 0;
  for (int l = 0; l < rate.layers_size(); ++l) {
    const v1::RateLayer& layer = rate.layers(l);
    const std::string path = absl::StrCat("rate.layers[", l, "]");
    CheckLayer(layer, path, violations);
    const std::string name = LayerName(layer.name(), l);
    if (!names.insert(name).second) {
      violations.Add(absl::StrCat(path, ".name"),
                     absl::StrCat("must be unique, \"", name, "\" is the name of a layer before"));
    }
    const int64_t units = layer.dense().units();
    const bool valid_units = units >= 1 && units <= kMaxDimension;
    // inputs <= 2^24 and units <= 2^16: no product or sum of at most 64 layers overflows.
    if (valid_units && inputs > 0) {
      if (units * inputs > kMaxSynapses) {
        violations.Add(absl::StrCat(path, ".dense.units"),
                       absl::StrCat("units times inputs must be at most ", kMaxSynapses, ", got ",
                                    units, " x ", inputs));
      }
      parameters += units * inputs + (layer.dense().without_bias() ? 0 : units);
    }
    layers.push_back({.name = name,
                      .inputs = static_cast<int>(inputs),
                      .outputs = static_cast<int>(units),
                      .units = static_cast<int>(units),
                      .fan_in = static_cast<int>(inputs),
                      .has_bias = !layer.dense().without_bias(),
                      .activation = layer.activation()});
    inputs = valid_units ? units : 0;
  }
  if (violations.empty() && parameters > 2 * kMaxSynapses) {
    violations.Add("rate.layers", absl::StrCat("all layers together must have at most ",
                                               2 * kMaxSynapses, " parameters, have ", parameters));
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  return layers;
}

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

  v1::Lever bias;
  bias.set_name("bias");
  bias.set_kind(v1::Lever::CHOICE);
  for (const char* choice : {"none", "table", "homogeneous"}) bias.add_choices(choice);
  bias.add_needs_calibration("table");
  bias.set_full_power("none");
  bias.set_description("How biases follow the scaled weights.");

  std::vector<std::string> names;
  for (const RateLayerShape& layer : layers) {
    if (layer.has_weights()) names.push_back(layer.name);
  }
  return Levers({std::move(epsilon), std::move(bias)}, std::move(names));
}

v1::NetworkDescription DescribeRateNetwork(const v1::Network& network,
                                           const std::vector<RateLayerShape>& layers) {
  v1::NetworkDescription description;
  description.set_family("rate");
  int64_t parameters = 0;
  int64_t multiply_accumulates = 0;
  for (size_t l = 0; l < layers.size(); ++l) {
    const RateLayerShape& shape = layers[l];
    v1::LayerDescription& layer = *description.add_layers();
    layer.set_name(shape.name);
    layer.set_kind("dense");
    if (l == 0) {
      *layer.mutable_input_shape() = network.rate().input().shape();
    } else {
      layer.add_input_shape(shape.inputs);
    }
    layer.add_output_shape(shape.units);
    layer.set_activation(absl::AsciiStrToLower(v1::Activation::Kind_Name(shape.activation)));
    layer.set_synapses(int64_t{shape.inputs} * shape.units);
    layer.set_biases(shape.has_bias ? shape.units : 0);
    parameters += layer.synapses() + layer.biases();
    multiply_accumulates += layer.synapses();
  }
  description.set_parameters(parameters);
  description.set_parameter_bytes(parameters * static_cast<int64_t>(sizeof(float)));
  description.set_multiply_accumulates(multiply_accumulates);
  const Levers levers = RateLevers(layers);
  for (const v1::Lever& lever : levers.all()) *description.add_levers() = lever;
  return description;
}

}  // namespace torpor
