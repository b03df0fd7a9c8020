#include "engine/lif/definition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/number_bound.h"
#include "engine/network/validation.h"

namespace torpor {
namespace {

constexpr int kMaxLayers = 64;
constexpr int kDefaultSteps = 25;
constexpr int kDefaultLatencyThreshold = 50;
constexpr double kDefaultChance = 0.25;
constexpr int kLeastBits = 2;
constexpr int kMostBits = 16;
// Fresh weights, and what membranes are held against: far below the first no spike comes of them,
// far above the last sums of them leave the range of floats.
constexpr NumberBound kStrength = {.low = 1e-6, .low_excluded = false, .high = 1e6};
// A latency code has so many steps after the last spike.
constexpr int kLatencyTail = 4;
// Weights of all layers, each counted at each place where it is used: work of a step, of which
// memory does not tell where a kernel is as large as an image.
constexpr int64_t kMostConnections = int64_t{1} << 34;

LifNeuron ResolveNeuron(const v1::LifNeuron& neuron, const std::string& path, LifNeuron fallback,
                        Violations& violations) {
  const NumberBound decay = {.low_excluded = false, .high = 1, .high_excluded = true};
  const auto number = [&](const char* name, bool given, double value, float& of,
                          const NumberBound& bound) {
    of = static_cast<float>(NumberOr(absl::StrCat(path, ".", name), given, value,
                                     static_cast<double>(of), bound, violations));
  };
  number("alpha", neuron.has_alpha(), neuron.alpha(), fallback.alpha, decay);
  number("beta", neuron.has_beta(), neuron.beta(), fallback.beta, decay);
  number("gamma", neuron.has_gamma(), neuron.gamma(), fallback.gamma, decay);
  number("delta", neuron.has_delta(), neuron.delta(), fallback.delta,
         {.low_excluded = false, .high = kStrength.high});
  number("threshold", neuron.has_threshold(), neuron.threshold(), fallback.threshold, kStrength);
  return fallback;
}

LayerFlow ResolveDense(const v1::LifDense& layer, const std::string& path, const LayerFlow& input,
                       bool last, bool integrates, LifLayerShape& shape, Violations& violations) {
  const std::string units_path = absl::StrCat(path, ".units");
  if (layer.units() < 1 || layer.units() > kMaxDimension) {
    violations.Add(units_path,
                   absl::StrCat("must be in 1..", kMaxDimension, ", got ", layer.units()));
    return {};
  }
  const int64_t units = layer.units();
  // inputs <= 2^24 and units <= 2^16: no product overflows.
  if (units * (input.values + (layer.recurrent() ? units : 0)) > kMaxSynapses) {
    violations.Add(units_path, absl::StrCat("units times inputs must be at most ", kMaxSynapses,
                                            ", got ", units, " x ", input.values,
                                            layer.recurrent() ? " and units x units" : ""));
  }
  if (layer.recurrent() && last && integrates) {
    violations.Add(absl::StrCat(path, ".recurrent"),
                   "must not be set: a last layer that integrates has no spikes to go back");
  }
  shape.kind = LifLayerKind::kDense;
  shape.inputs = shape.fan_in = static_cast<int>(input.values);
  shape.outputs = shape.units = layer.units();
  shape.recurrent = layer.recurrent();
  return {.values = units};
}

// A pool of `path`, its sizes known: what passes through it. A spike is passed on by each window
// that sees it, and once more for each time that pools before made of it.
bool CheckPoolEvents(const std::string& path, int64_t input_repeats, LifLayerShape& shape,
                     Violations& violations) {
  const int64_t outputs = shape.output_image.values();
  // Repeats before are at most 2^27, a window has at most 2^20 places: no overflow.
  const int64_t repeats = input_repeats * shape.kernel.height * shape.kernel.width;
  if (repeats > kMaxLifSampleValues / outputs) {
    violations.Add(
        absl::StrCat(path, ".stride"),
        absl::StrCat("windows overlap too much: pooled units times spikes that each may count "
                     "must be at most ",
                     kMaxLifSampleValues, ", got ", outputs, " x ", repeats));
    return false;
  }
  shape.repeats = repeats;
  return true;
}

// `repeats`: times that an input may spike in a step.
LayerFlow ResolveLayer(const v1::LifLayer& layer, const std::string& path, const LayerFlow& input,
                       int64_t repeats, bool last, bool integrates, LifLayerShape& shape,
                       Violations& violations) {
  LayerFlow output;
  switch (layer.kind_case()) {
    case v1::LifLayer::kDense:
      return ResolveDense(layer.dense(), path + ".dense", input, last, integrates, shape,
                          violations);
    case v1::LifLayer::kConv2D: {
      shape.kind = LifLayerKind::kConv2d;
      const v1::LifConv2d& conv = layer.conv2d();
      output = ResolveConvolution({conv.channels(), conv.kernel(), conv.stride(), conv.padding()},
                                  path + ".conv2d", input, shape, violations);
      shape.units = conv.channels();
      shape.fan_in = shape.input_image.channels * shape.kernel.height * shape.kernel.width;
      break;
    }
    case v1::LifLayer::kAvgPool2D:
      shape.kind = LifLayerKind::kAvgPool2d;
      output = ResolvePooling(layer.avg_pool2d(), path + ".avg_pool2d", input, shape, violations);
      if (output.values > 0 && !CheckPoolEvents(path + ".avg_pool2d", repeats, shape, violations)) {
        return {};
      }
      break;
    case v1::LifLayer::kFlatten:
      shape.kind = LifLayerKind::kFlatten;
      shape.repeats = repeats;
      output = {.values = input.values};
      break;
    default:
      violations.Add(absl::StrCat(path, ".dense"),
                     "a layer needs a kind that this server knows: dense, conv2d, avg_pool2d or "
                     "flatten");
      return {};
  }
  shape.inputs = static_cast<int>(input.values);
  shape.outputs = static_cast<int>(output.values);
  return output;
}

void ResolveCode(const v1::LifNetwork& network, LifDefinition& definition, Violations& violations) {
  switch (network.code_case()) {
    case v1::LifNetwork::kRate:
      definition.code = LifCode::kRate;
      definition.rate_chance =
          NumberOr("lif.rate.chance", network.rate().has_chance(), network.rate().chance(),
                   kDefaultChance, {.high = 1}, violations);
      return;
    case v1::LifNetwork::kDirect:
      definition.code = LifCode::kDirect;
      return;
    case v1::LifNetwork::kSpikes:
      definition.code = LifCode::kSpikes;
      return;
    case v1::LifNetwork::kLatency:
    case v1::LifNetwork::CODE_NOT_SET:
      definition.code = LifCode::kLatency;
      definition.latency_threshold = network.latency().has_threshold()
                                         ? network.latency().threshold()
                                         : kDefaultLatencyThreshold;
      if (definition.latency_threshold < 0 || definition.latency_threshold > 254) {
        violations.Add("lif.latency.threshold",
                       absl::StrCat("must be in 0..254, got ", definition.latency_threshold));
      }
      return;
  }
}

// What one step brings; the input's shape begins with the steps where samples are spikes.
LayerFlow ResolveInput(const v1::LifNetwork& network, LifDefinition& definition,
                       Violations& violations) {
  const int64_t values = CheckInput(network.input(), "lif.input.shape", violations);
  definition.sample_shape = {network.input().shape().begin(), network.input().shape().end()};
  definition.steps = network.has_steps() ? network.steps() : kDefaultSteps;
  if (definition.code != LifCode::kSpikes) {
    definition.inputs = static_cast<int>(values);
    return InputFlow(network.input(), values);
  }
  if (values == 0) return {};
  if (network.input().shape_size() < 2) {
    violations.Add("lif.input.shape",
                   "must be [steps, inputs] or [steps, channels, height, width]: the samples are "
                   "spikes");
    return {};
  }
  const int64_t steps = network.input().shape(0);
  if (network.has_steps() && network.steps() != steps) {
    violations.Add("lif.steps", absl::StrCat("must be the ", steps,
                                             " steps that the input's shape begins with, got ",
                                             network.steps()));
  }
  definition.steps = static_cast<int>(std::min<int64_t>(steps, std::numeric_limits<int>::max()));
  definition.inputs = static_cast<int>(values / steps);
  v1::Input step;
  for (int i = 1; i < network.input().shape_size(); ++i) step.add_shape(network.input().shape(i));
  return InputFlow(step, definition.inputs);
}

void ResolveSteps(const v1::LifNetwork& network, LifDefinition& definition,
                  Violations& violations) {
  if (definition.steps < 1 || definition.steps > kMaxLifSteps) {
    violations.Add(definition.code == LifCode::kSpikes ? "lif.input.shape" : "lif.steps",
                   absl::StrCat("must be 1..", kMaxLifSteps, " steps, got ", definition.steps));
  } else if (definition.code == LifCode::kLatency && definition.steps <= kLatencyTail) {
    violations.Add("lif.steps", absl::StrCat("must be above ", kLatencyTail,
                                             ", the steps that a latency code leaves after the "
                                             "last spike, got ",
                                             definition.steps));
  }
  definition.step_ms = NumberOr("lif.step_ms", network.has_step_ms(), network.step_ms(), 1,
                                {.high = 1000}, violations);
}

void ResolveQuantization(const v1::LifNetwork& network, LifDefinition& definition,
                         Violations& violations) {
  const v1::LifQuantization& stored = network.quantization();
  const auto check = [&](const char* name, bool given, int bits) {
    if (given && (bits < kLeastBits || bits > kMostBits)) {
      violations.Add(absl::StrCat("lif.quantization.", name),
                     absl::StrCat("must be in ", kLeastBits, "..", kMostBits, ", got ", bits));
    }
  };
  check("weight_bits", stored.has_weight_bits(), stored.weight_bits());
  check("membrane_bits", stored.has_membrane_bits(), stored.membrane_bits());
  if (!v1::LifQuantization::Scheme::Kind_IsValid(stored.scheme())) {
    violations.Add("lif.quantization.scheme", "must be RANGE or WAGE");
  } else if (stored.has_membrane_bits() && stored.scheme() != v1::LifQuantization::Scheme::WAGE) {
    violations.Add("lif.quantization.membrane_bits",
                   "must not be set with the scheme RANGE, which stores weights alone; take WAGE");
  }
  definition.quantization = stored;
  if (stored.scheme() == v1::LifQuantization::Scheme::UNSPECIFIED) {
    definition.quantization.set_scheme(v1::LifQuantization::Scheme::RANGE);
  }
}

const char* KindName(LifLayerKind kind) {
  switch (kind) {
    case LifLayerKind::kDense:
      return "dense";
    case LifLayerKind::kConv2d:
      return "conv2d";
    case LifLayerKind::kAvgPool2d:
      return "avg_pool2d";
    case LifLayerKind::kFlatten:
      return "flatten";
  }
  return "";
}

void ResolveLayers(const v1::LifNetwork& network, LayerFlow flow, LifDefinition& definition,
                   Violations& violations) {
  const LifNeuron usual = ResolveNeuron(network.neuron(), "lif.neuron", {}, violations);
  LayerNames names;
  int64_t synapses = 0, connections = 0, repeats = 1;
  for (int l = 0; l < network.layers_size(); ++l) {
    const v1::LifLayer& layer = network.layers(l);
    const std::string path = absl::StrCat("lif.layers[", l, "]");
    const bool last = l + 1 == network.layers_size();
    LifLayerShape shape;
    shape.name = names.Check(layer.name(), l, path, violations);
    flow = ResolveLayer(layer, path, flow, repeats, last, definition.integrates, shape, violations);
    repeats = shape.repeats;
    const bool has_weights = layer.has_dense() || layer.has_conv2d();
    shape.neuron = ResolveNeuron(layer.neuron(), path + ".neuron", usual, violations);
    if (definition.quantization.has_membrane_bits()) {
      shape.neuron.membrane_bits = definition.quantization.membrane_bits();
    }
    const double scale = NumberOr(path + ".initial_scale", layer.has_initial_scale(),
                                  layer.initial_scale(), 1, kStrength, violations);
    if (shape.fan_in > 0) shape.initial_range = scale * std::sqrt(3.0 / shape.fan_in);
    if (layer.kind_case() != v1::LifLayer::KIND_NOT_SET && !has_weights) {
      if (layer.has_neuron()) violations.Add(path + ".neuron", "pooling and flatten have none");
      if (layer.has_initial_scale()) {
        violations.Add(path + ".initial_scale", "pooling and flatten have no weights");
      }
    }
    if (last && layer.kind_case() != v1::LifLayer::KIND_NOT_SET && !layer.has_dense()) {
      violations.Add(absl::StrCat(path, ".", KindName(shape.kind)),
                     "the last layer must be dense: its units are the classes; add one");
    }
    // At most 64 layers of 2^28: no sum overflows.
    synapses += shape.synapses();
    // No more than 2^28 weights at 2^24 places each.
    if (violations.empty()) connections += shape.synapses() * shape.places();
    if (violations.empty() && connections > kMostConnections) {
      violations.Add(absl::StrCat(path, ".", KindName(shape.kind)),
                     absl::StrCat("weights of all layers, each counted at each of its places, must "
                                  "be at most ",
                                  kMostConnections, ", are ", connections, " with this layer"));
    }
    definition.layers.push_back(std::move(shape));
  }
  if (violations.empty() && synapses > 2 * kMaxSynapses) {
    violations.Add("lif.layers", absl::StrCat("all layers together must have at most ",
                                              2 * kMaxSynapses, " weights, have ", synapses));
  }
}

// A sample's memory and work, of what is valid otherwise.
void CheckSampleSize(const LifDefinition& definition, Violations& violations) {
  const LifLayerShape* largest = &definition.layers.front();
  for (const LifLayerShape& layer : definition.layers) {
    if (layer.step_values() > largest->step_values()) largest = &layer;
  }
  const int64_t values = definition.step_values();
  if (definition.steps * values <= kMaxLifSampleValues) return;
  violations.Add(definition.code == LifCode::kSpikes ? "lif.input.shape" : "lif.steps",
                 absl::StrCat("steps times the inputs and outputs of all layers must be at most ",
                              kMaxLifSampleValues, ", got ", definition.steps, " x ", values,
                              ", of which ", largest->step_values(), " are of ", largest->name));
}

}  // namespace

int64_t LifDefinition::neurons() const {
  int64_t neurons = 0;
  for (const LifLayerShape& layer : layers) neurons += layer.has_weights() ? layer.outputs : 0;
  return neurons;
}

int64_t LifDefinition::synapses() const {
  int64_t synapses = 0;
  for (const LifLayerShape& layer : layers) synapses += layer.synapses();
  return synapses;
}

int64_t LifDefinition::step_values() const {
  int64_t values = 0;
  for (const LifLayerShape& layer : layers) values += layer.step_values();
  return values;
}

absl::StatusOr<LifDefinition> ResolveLif(const v1::Network& network) {
  Violations violations;
  CheckDisplayName(network, violations);
  const v1::LifNetwork& lif = network.lif();
  LifDefinition definition;
  ResolveCode(lif, definition, violations);
  const LayerFlow flow = ResolveInput(lif, definition, violations);
  ResolveSteps(lif, definition, violations);
  ResolveQuantization(lif, definition, violations);
  if (!v1::StepOrder::Kind_IsValid(lif.order())) {
    violations.Add("lif.order", "must be IMMEDIATE or DELAYED");
  }
  definition.order =
      lif.order() == v1::StepOrder::DELAYED ? LifOrder::kDelayed : LifOrder::kImmediate;
  if (!v1::LifReadOut::Kind_IsValid(lif.read_out())) {
    violations.Add("lif.read_out", "must be INTEGRATING or SPIKES");
  }
  definition.integrates = lif.read_out() != v1::LifReadOut::SPIKES;
  if (lif.layers_size() < 1 || lif.layers_size() > kMaxLayers) {
    violations.Add("lif.layers",
                   absl::StrCat("must have 1..", kMaxLayers, " layers, has ", lif.layers_size()));
  } else {
    ResolveLayers(lif, flow, definition, violations);
    if (violations.empty()) CheckSampleSize(definition, violations);
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  return definition;
}

v1::NetworkDescription DescribeLif(const LifDefinition& definition) {
  v1::NetworkDescription description;
  description.set_family("lif");
  int64_t multiply_accumulates = 0;
  const size_t step_dims = definition.code == LifCode::kSpikes ? 1 : 0;
  for (const LifLayerShape& shape : definition.layers) {
    v1::LayerDescription& layer = *description.add_layers();
    layer.set_name(shape.name);
    layer.set_kind(KindName(shape.kind));
    if (description.layers_size() == 1) {
      layer.mutable_input_shape()->Assign(definition.sample_shape.begin() + step_dims,
                                          definition.sample_shape.end());
    } else {
      *layer.mutable_input_shape() =
          description.layers(description.layers_size() - 2).output_shape();
    }
    if (shape.output_image.channels > 0) {
      layer.add_output_shape(shape.output_image.channels);
      layer.add_output_shape(shape.output_image.height);
      layer.add_output_shape(shape.output_image.width);
    } else {
      layer.add_output_shape(shape.outputs);
    }
    const bool last = &shape == &definition.layers.back();
    if (shape.has_weights()) {
      layer.set_activation(last && definition.integrates ? "integrate" : "spike");
    }
    layer.set_synapses(shape.synapses());
    multiply_accumulates += shape.synapses() * shape.places();
  }
  description.set_parameters(definition.synapses());
  description.set_parameter_bytes(definition.synapses() * static_cast<int64_t>(sizeof(float)));
  description.set_multiply_accumulates(multiply_accumulates * definition.steps);
  for (std::string& warning : LifWarnings(definition)) description.add_warnings(std::move(warning));
  return description;
}

std::vector<std::string> LifWarnings(const LifDefinition& definition) {
  std::vector<std::string> warnings;
  // A spike of the input needs two steps a layer to arrive.
  int64_t weighted = 0;
  for (const LifLayerShape& layer : definition.layers) weighted += layer.has_weights() ? 1 : 0;
  if (definition.order == LifOrder::kDelayed && definition.steps <= 2 * weighted) {
    warnings.push_back(absl::StrCat("lif.steps: in ", definition.steps,
                                    " steps no spike of the input reaches the output: the order "
                                    "DELAYED takes two steps a layer, of which there are ",
                                    weighted));
  }
  return warnings;
}

}  // namespace torpor
