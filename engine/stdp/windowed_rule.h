// tinySNN's rule (equations 1 and 2): at the end of every `window` steps, for neurons j that
// emitted in the window,
//   k = ceil(maxN / spike_threshold), maxN the largest spike count of any neuron in the sample so
//   far; w_ij += k nu1 x_pre_i (w_max - w_ij); with a target, in the same write, w_ij -= k nu1
//   (target - x_pre_i) w_ij where x_pre_i < target.
// The paper gives neither window nor threshold, and has no depression. Steps after the last whole
// window teach nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/stdp/plastic_weights.h"
#include "engine/stdp/sample_spikes.h"

namespace torpor {

// Not thread-safe: it keeps room for a window.
class WindowedRule {
 public:
  // window and spike_threshold at least 1; target 0: no depression.
  WindowedRule(int window, int spike_threshold, float target)
      : window_(window), spike_threshold_(spike_threshold), target_(target) {}

  // One step, recorded in `spikes`. Returns the number of weights written.
  int64_t Learn(const SampleSpikes& spikes, int step, float nu1, PlasticWeights& weights);

 private:
  // What a weight of one input gains of w_max - w, and loses of w.
  struct Change {
    uint32_t input;
    float up;
    float down;
  };
  void ListNeurons(const SampleSpikes& spikes, int step);
  void ListChanges(const SampleSpikes& spikes, int step, float rate, int inputs);

  int window_;
  int spike_threshold_;
  float target_;
  std::vector<uint32_t> neurons_;
  std::vector<Change> changes_;
};

}  // namespace torpor
