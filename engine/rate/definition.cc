#include "engine/rate/definition.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/validation.h"
#include "engine/rate/image_layers.h"
#include "engine/rate/levers.h"

namespace torpor {
namespace {

constexpr int kMaxLayers = 64;

bool HasWeights(const v1::RateLayer& layer) { return layer.has_dense() || layer.has_conv2d(); }

void CheckLayer(const v1::RateLayer& layer, const std::string& path, bool last,
                Violations& violations) {
  const std::string activation = absl::StrCat(path, ".activation");
  if (layer.kind_case() == v1::RateLayer::KIND_NOT_SET) {
    violations.Add(absl::StrCat(path, ".dense"),
                   "a layer needs a kind that this server knows: dense, conv2d, avg_pool2d, "
                   "max_pool2d or flatten");
  } else if (!HasWeights(layer)) {
    if (layer.activation() != v1::Activation::UNSPECIFIED) {
      violations.Add(activation,
                     "pooling and flatten have no activation; leave it away, or give it to the "
                     "layer before");
    }
    return;
  }
  if (layer.activation() == v1::Activation::UNSPECIFIED ||
      !v1::Activation::Kind_IsValid(layer.activation())) {
    violations.Add(activation, "must be one of LINEAR, RELU, SIGMOID, TANH, STEP, SOFTMAX");
  } else if (layer.activation() == v1::Activation::SOFTMAX && !last) {
    violations.Add(activation, "SOFTMAX is for the last layer only; use RELU, SIGMOID or TANH");
  }
}

LayerFlow ResolveDense(const v1::DenseLayer& layer, const std::string& path, const LayerFlow& input,
                       RateLayerShape& shape, Violations& violations) {
  const std::string units_path = absl::StrCat(path, ".units");
  if (layer.units() < 1 || layer.units() > kMaxDimension) {
    violations.Add(units_path,
                   absl::StrCat("must be in 1..", kMaxDimension, ", got ", layer.units()));
    return {};
  }
  const int64_t units = layer.units();
  // inputs <= 2^24 and units <= 2^16: no product overflows.
  if (units * input.values > kMaxSynapses) {
    violations.Add(units_path, absl::StrCat("units times inputs must be at most ", kMaxSynapses,
                                            ", got ", units, " x ", input.values));
  }
  shape.inputs = shape.fan_in = static_cast<int>(input.values);
  shape.outputs = shape.units = layer.units();
  shape.has_bias = !layer.without_bias();
  return {.values = units};
}

LayerFlow ResolveLayer(const v1::RateLayer& layer, const std::string& path, const LayerFlow& input,
                       RateLayerShape& shape, Violations& violations) {
  shape.activation = HasWeights(layer) ? layer.activation() : v1::Activation::LINEAR;
  switch (layer.kind_case()) {
    case v1::RateLayer::kDense:
      return ResolveDense(layer.dense(), path + ".dense", input, shape, violations);
    case v1::RateLayer::kConv2D:
      return ResolveConv2d(layer.conv2d(), path + ".conv2d", input, shape, violations);
    case v1::RateLayer::kAvgPool2D:
      shape.kind = RateLayerKind::kAvgPool2d;
      return ResolvePool(layer.avg_pool2d(), path + ".avg_pool2d", input, shape, violations);
    case v1::RateLayer::kMaxPool2D:
      shape.kind = RateLayerKind::kMaxPool2d;
      return ResolvePool(layer.max_pool2d(), path + ".max_pool2d", input, shape, violations);
    case v1::RateLayer::kFlatten:
      shape.kind = RateLayerKind::kFlatten;
      shape.has_bias = false;
      shape.inputs = shape.outputs = static_cast<int>(input.values);
      return {.values = input.values};
    default:
      return {};
  }
}

const char* KindName(RateLayerKind kind) {
  switch (kind) {
    case RateLayerKind::kDense:
      return "dense";
    case RateLayerKind::kConv2d:
      return "conv2d";
    case RateLayerKind::kAvgPool2d:
      return "avg_pool2d";
    case RateLayerKind::kMaxPool2d:
      return "max_pool2d";
    case RateLayerKind::kFlatten:
      return "flatten";
  }
  return "";
}

}  // namespace

absl::StatusOr<std::vector<RateLayerShape>> ResolveRateNetwork(const v1::Network& network) {
  Violations violations;
  CheckDisplayName(network, violations);
  const v1::RateNetwork& rate = network.rate();
  LayerFlow flow =
      InputFlow(rate.input(), CheckInput(rate.input(), "rate.input.shape", violations));
  if (rate.layers_size() < 1 || rate.layers_size() > kMaxLayers) {
    violations.Add("rate.layers",
                   absl::StrCat("must have 1..", kMaxLayers, " layers, has ", rate.layers_size()));
    return violations.ToStatus();
  }
  std::vector<RateLayerShape> layers;
  LayerNames names;
  int64_t parameters = 0;
  for (int l = 0; l < rate.layers_size(); ++l) {
    const v1::RateLayer& layer = rate.layers(l);
    const std::string path = absl::StrCat("rate.layers[", l, "]");
    const bool last = l + 1 == rate.layers_size();
    CheckLayer(layer, path, last, violations);
    RateLayerShape shape;
    shape.name = names.Check(layer.name(), l, path, violations);
    flow = ResolveLayer(layer, path, flow, shape, violations);
    if (last && layer.kind_case() != v1::RateLayer::KIND_NOT_SET && !layer.has_dense()) {
      violations.Add(absl::StrCat(path, ".", KindName(shape.kind)),
                     "the last layer must be dense: its units are the classes; add one");
    }
    // At most 64 layers of 2^28: no sum overflows.
    parameters += shape.synapses() + shape.biases();
    layers.push_back(std::move(shape));
  }
  if (violations.empty() && parameters > 2 * kMaxSynapses) {
    violations.Add("rate.layers", absl::StrCat("all layers together must have at most ",
                                               2 * kMaxSynapses, " parameters, have ", parameters));
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  return layers;
}

v1::NetworkDescription DescribeRateNetwork(const v1::Network& network,
                                           const std::vector<RateLayerShape>& layers) {
  v1::NetworkDescription description;
  description.set_family("rate");
  int64_t parameters = 0;
  int64_t multiply_accumulates = 0;
  for (const RateLayerShape& shape : layers) {
    v1::LayerDescription& layer = *description.add_layers();
    layer.set_name(shape.name);
    layer.set_kind(KindName(shape.kind));
    *layer.mutable_input_shape() =
        description.layers_size() == 1
            ? network.rate().input().shape()
            : description.layers(description.layers_size() - 2).output_shape();
    if (shape.output_image.channels > 0) {
      layer.add_output_shape(shape.output_image.channels);
      layer.add_output_shape(shape.output_image.height);
      layer.add_output_shape(shape.output_image.width);
    } else {
      layer.add_output_shape(shape.outputs);
    }
    if (shape.has_weights()) {
      layer.set_activation(absl::AsciiStrToLower(v1::Activation::Kind_Name(shape.activation)));
    }
    layer.set_synapses(shape.synapses());
    layer.set_biases(shape.biases());
    parameters += shape.synapses() + shape.biases();
    multiply_accumulates += shape.multiply_accumulates();
  }
  description.set_parameters(parameters);
  description.set_parameter_bytes(parameters * static_cast<int64_t>(sizeof(float)));
  description.set_multiply_accumulates(multiply_accumulates);
  const Levers levers = RateLevers(layers);
  for (const v1::Lever& lever : levers.all()) *description.add_levers() = lever;
  return description;
}

}  // namespace torpor
