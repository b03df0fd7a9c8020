// How a competitive network learns: numbers only.
#pragma once

#include <optional>
#include <variant>

#include "engine/stdp/parameters.h"

namespace torpor {

// See pairwise_rule.h.
struct PairwiseSettings {
  float nu0 = 0;
};

// See windowed_rule.h.
struct WindowedSettings {
  // [steps]
  int window = 10;
  int spike_threshold = 4;
  // Trace below which an input's weights are depressed; 0: no depression.
  float target = 0;
};

// See gated_rule.h.
struct GatedSettings {
  float nu0 = 0;
  int min_spikes = 3;
};

struct LearningSettings {
  std::variant<PairwiseSettings, WindowedSettings, GatedSettings> rule;
  // Of the traces [steps], above 0.
  float trace_tau = 20;
  // Upper bound of a weight.
  float w_max = 1;
  // L1 norm of a neuron's weights after each sample in which it spiked; 0: never set.
  float norm = 0;
  // Unset: in float.
  std::optional<WeightFormat> weights;
};

}  // namespace torpor
