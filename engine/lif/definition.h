// From the definition of a network with traces to plain numbers (C. J. S. Schaefer et al., "Memory
// Organization for Energy-Efficient Learning and Inference in Digital Neuromorphic Accelerators",
// 2020, equations of the slides).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/lif/neuron.h"
#include "engine/network/image_windows.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

inline constexpr int kMaxLifSteps = 4096;
// Steps times LifDefinition::step_values(): a pass keeps about ten bytes for each.
inline constexpr int64_t kMaxLifSampleValues = int64_t{1} << 27;

enum class LifLayerKind { kDense, kConv2d, kAvgPool2d, kFlatten };

// One layer with its shapes known. Images are [channels, height, width] here, as in definitions;
// inside the family they are numbered otherwise (layouts.h).
struct LifLayerShape : ImageWindows {
  LifLayerKind kind = LifLayerKind::kDense;
  std::string name;
  // Values of one step that enter and leave.
  int inputs = 0;
  int outputs = 0;
  // Neurons of a dense layer, channels of a convolution; 0 for layers without weights.
  int units = 0;
  // Inputs of a neuron, recurrent ones not counted.
  int fan_in = 0;
  bool recurrent = false;
  // Times that an output may stand in a step's spikes: pools count.
  int64_t repeats = 1;
  LifNeuron neuron;
  // Fresh weights are uniform in +- this [1].
  double initial_range = 1;

  bool has_weights() const { return units > 0; }
  // Weights of the layer's inputs, each counted once.
  int64_t input_synapses() const { return int64_t{units} * fan_in; }
  int64_t recurrent_synapses() const { return recurrent ? int64_t{units} * units : 0; }
  int64_t synapses() const { return input_synapses() + recurrent_synapses(); }
  // Where each weight is used.
  int64_t places() const { return kind == LifLayerKind::kConv2d ? output_image.plane() : 1; }
  // Inputs, and outputs as often as they may spike: what a pass may have to keep of a step.
  int64_t step_values() const {
    return kind == LifLayerKind::kFlatten ? 0 : inputs + outputs * repeats;
  }
};

enum class LifCode { kLatency, kRate, kDirect, kSpikes };

// Immutable once made.
struct LifDefinition {
  // Of a sample; with kSpikes [steps, ...].
  std::vector<int64_t> sample_shape;
  // Values of one step.
  int inputs = 0;
  int steps = 0;
  double step_ms = 1;
  LifCode code = LifCode::kLatency;
  int latency_threshold = 0;
  // Of a spike at full intensity, a step.
  double rate_chance = 0;
  LifOrder order = LifOrder::kImmediate;
  // The last layer's membrane is the score, and it does not spike.
  bool integrates = true;
  v1::LifQuantization quantization;
  std::vector<LifLayerShape> layers;

  // Values of a sample.
  int features() const { return code == LifCode::kSpikes ? inputs * steps : inputs; }
  int classes() const { return layers.back().outputs; }
  // Neurons of all layers.
  int64_t neurons() const;
  int64_t synapses() const;
  // Of all layers.
  int64_t step_values() const;
};

// Checks everything without allocating by its sizes. INVALID_ARGUMENT names each wrong field by its
// path inside the network, e.g. "lif.layers[1].dense.units".
absl::StatusOr<LifDefinition> ResolveLif(const v1::Network& network);

// Without levers.
v1::NetworkDescription DescribeLif(const LifDefinition& definition);

// Sentences about what will not do what its author expects.
std::vector<std::string> LifWarnings(const LifDefinition& definition);

}  // namespace torpor
