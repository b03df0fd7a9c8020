// Golden networks with traces: tests/golden/lif/gradients.json, whose format and equations the
// opening lines of generate.py beside it tell.
#pragma once

#include <string>
#include <vector>

#include "engine/base/status.h"
#include "nlohmann/json.hpp"
#include "tests/support/golden.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor::testing {

// Doubles to their last digit; images are [channel, row, column].
struct LifGoldenLayer {
  std::vector<int> input_shape, output_shape;
  // [units x inputs] or [channels x input channels x height x width]; empty without neurons.
  std::vector<double> weights, gradient;
  // [units x units], of the column's unit's spikes in the step before; empty if not recurrent.
  std::vector<double> recurrent_weights, recurrent_gradient;
  // By sample, each [steps x outputs]: spikes (means of them behind a pool) and membranes U (none
  // without neurons).
  std::vector<std::vector<double>> spikes, membranes;
};

struct LifGolden {
  std::string name;
  // Everything but quantization is set; one LifNeuron for each layer that has neurons.
  v1::LifNetwork definition;
  // slope, reset_gradient, and shares or filter as the loss has them.
  v1::LifTraining training;
  v1::Loss::Kind loss = v1::Loss::UNSPECIFIED;
  int steps = 0;
  int samples = 0;
  // By sample, each [steps x inputs]: spikes, or with DirectCode the intensities, the same in every
  // step. Exact in float32.
  std::vector<std::vector<double>> inputs;
  std::vector<int> labels;
  // By sample, each [steps x units]; VAN_ROSSUM alone.
  std::vector<std::vector<double>> targets;
  std::vector<LifGoldenLayer> layers;
  // By sample, each [classes].
  std::vector<std::vector<double>> scores;
  // By sample; the gradients are those of their mean.
  std::vector<double> losses;
  double mean_loss = 0;
};

namespace lif_golden_internal {

// Numbers, or words of 0 and 1, of lists in lists, one after the other.
inline void Append(const nlohmann::json& json, std::vector<double>& values) {
  if (json.is_array()) {
    for (const nlohmann::json& item : json) Append(item, values);
  } else if (json.is_string()) {
    for (char digit : json.get<std::string>()) values.push_back(digit - '0');
  } else {
    values.push_back(json.get<double>());
  }
}

inline std::vector<double> Numbers(const nlohmann::json& of, const char* name) {
  std::vector<double> values;
  if (of.contains(name)) Append(of[name], values);
  return values;
}

inline std::vector<std::vector<double>> BySample(const nlohmann::json& of, const char* name) {
  std::vector<std::vector<double>> samples;
  if (!of.contains(name)) return samples;
  for (const nlohmann::json& sample : of[name]) Append(sample, samples.emplace_back());
  return samples;
}

template <class Repeated>
void Fill(const nlohmann::json& of, const char* name, Repeated* values) {
  for (int value : of[name]) values->Add(value);
}

inline v1::LifLayer LayerDefinition(const nlohmann::json& of) {
  v1::LifLayer layer;
  layer.set_name(of["name"].get<std::string>());
  const std::string kind = of["kind"];
  if (kind == "dense") {
    layer.mutable_dense()->set_units(of["outputs"][0]);
    layer.mutable_dense()->set_recurrent(of.contains("recurrent_weights"));
  } else if (kind == "conv2d") {
    v1::LifConv2d& conv = *layer.mutable_conv2d();
    conv.set_channels(of["channels"]);
    Fill(of, "kernel", conv.mutable_kernel());
    Fill(of, "stride", conv.mutable_stride());
    Fill(of, "padding", conv.mutable_padding());
  } else if (kind == "avg_pool2d") {
    Fill(of, "kernel", layer.mutable_avg_pool2d()->mutable_kernel());
    Fill(of, "stride", layer.mutable_avg_pool2d()->mutable_stride());
  } else {
    TORPOR_CHECK(kind == "flatten");
    layer.mutable_flatten();
  }
  if (of.contains("alpha")) {
    v1::LifNeuron& neuron = *layer.mutable_neuron();
    neuron.set_alpha(of["alpha"]);
    neuron.set_beta(of["beta"]);
    neuron.set_gamma(of["gamma"]);
    neuron.set_delta(of["delta"]);
    neuron.set_threshold(of["threshold"]);
  }
  return layer;
}

inline v1::LifNetwork Definition(const nlohmann::json& of) {
  v1::LifNetwork definition;
  // A sample of spikes has its steps in its shape.
  const bool spikes = of["code"] == "SPIKES";
  if (spikes) definition.mutable_input()->add_shape(of["steps"]);
  for (int size : of["input"]) definition.mutable_input()->add_shape(size);
  if (spikes) {
    definition.mutable_spikes();
  } else {
    definition.mutable_direct();
  }
  for (const nlohmann::json& layer : of["layers"]) {
    *definition.add_layers() = LayerDefinition(layer);
  }
  definition.set_steps(of["steps"]);
  definition.set_read_out(of["read_out"] == "SPIKES" ? v1::LifReadOut::SPIKES
                                                     : v1::LifReadOut::INTEGRATING);
  definition.set_order(of["order"] == "DELAYED" ? v1::StepOrder::DELAYED
                                                : v1::StepOrder::IMMEDIATE);
  return definition;
}

inline LifGoldenLayer Layer(const nlohmann::json& of) {
  LifGoldenLayer layer;
  layer.input_shape = of["inputs"].get<std::vector<int>>();
  layer.output_shape = of["outputs"].get<std::vector<int>>();
  layer.weights = Numbers(of, "weights");
  layer.gradient = Numbers(of, "gradient");
  layer.recurrent_weights = Numbers(of, "recurrent_weights");
  layer.recurrent_gradient = Numbers(of, "recurrent_gradient");
  layer.spikes = BySample(of, "spikes");
  layer.membranes = BySample(of, "membranes");
  return layer;
}

}  // namespace lif_golden_internal

// Aborts if the file is not there.
inline std::vector<LifGolden> LoadLifGolden() {
  namespace in = lif_golden_internal;
  std::vector<LifGolden> cases;
  const nlohmann::json file = Golden("lif/gradients.json");
  for (const nlohmann::json& of : file["cases"]) {
    LifGolden& golden = cases.emplace_back();
    golden.name = of["name"];
    golden.definition = in::Definition(of);
    golden.training.set_slope(of["slope"]);
    golden.training.set_reset_gradient(of["reset_gradient"]);
    TORPOR_CHECK(v1::Loss::Kind_Parse(of["loss"].get<std::string>(), &golden.loss));
    if (golden.loss == v1::Loss::SPIKE_COUNT) {
      golden.training.set_right_share(0.8);
      golden.training.set_other_share(0);
    }
    if (golden.loss == v1::Loss::VAN_ROSSUM) golden.training.set_filter_decay(0.75);
    golden.steps = of["steps"];
    golden.samples = of["samples"];
    golden.inputs = in::BySample(of, "inputs");
    golden.labels = of["labels"].get<std::vector<int>>();
    golden.targets = in::BySample(of, "targets");
    for (const nlohmann::json& layer : of["layers"]) golden.layers.push_back(in::Layer(layer));
    golden.scores = in::BySample(of, "scores");
    golden.losses = in::Numbers(of, "losses");
    golden.mean_loss = of["loss_value"];
  }
  return cases;
}

}  // namespace torpor::testing
