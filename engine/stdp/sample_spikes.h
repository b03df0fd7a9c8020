// What learning rules know of a sample so far.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/stdp/traces.h"

namespace torpor {

// Not thread-safe.
struct SampleSpikes {
  // tau in steps.
  SampleSpikes(int input_count, int neuron_count, float tau, int steps)
      : inputs(input_count, tau, steps),
        neurons(neuron_count, tau, steps),
        counts(static_cast<size_t>(neuron_count)) {}

  void Reset() {
    for (const uint32_t j : neurons.seen()) counts[j] = 0;
    inputs.Reset();
    neurons.Reset();
    most = 0;
  }
  // The spikes of a step, ascending, before the rule learns from it.
  void Record(std::span<const uint32_t> input, std::span<const uint32_t> emitted, int step) {
    inputs.Record(input, step);
    neurons.Record(emitted, step);
    for (const uint32_t j : emitted) most = std::max(most, ++counts[j]);
  }

  // x_pre and x_post.
  Traces inputs;
  Traces neurons;
  // Spikes of each neuron, and the largest of them.
  std::vector<int32_t> counts;
  int32_t most = 0;
};

}  // namespace torpor
