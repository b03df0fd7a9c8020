// Pair-wise STDP as BindsNET's PostPre has it. At each step, in this order:
//   depression    w_ij -= nu0 x_post_j   at a spike of input i;
//   potentiation  w_ij += nu1 x_pre_i    at a spike of neuron j;
//   then w_ij is clamped to [0, w_max], and written once.
// The traces include the step's own spikes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/stdp/plastic_weights.h"
#include "engine/stdp/sample_spikes.h"

namespace torpor {

// Not thread-safe: it keeps room for a step.
class PairwiseRule {
 public:
  explicit PairwiseRule(float nu0) : nu0_(nu0) {}

  // One step. `input` spiked in it; neurons of `depressed` may lose, those of `emitted` spiked in
  // it and gain, all with traces in `spikes`. A neuron that is depressed at its own spike is in
  // both. Returns the number of weights written.
  int64_t Learn(const SampleSpikes& spikes, std::span<const uint32_t> input,
                std::span<const uint32_t> depressed, std::span<const uint32_t> emitted, int step,
                float nu1, PlasticWeights& weights);

 private:
  struct Loss {
    uint32_t neuron;
    float amount;
  };
  float nu0_;
  // Of neurons that do not spike in this step.
  std::vector<Loss> losses_;
};

}  // namespace torpor
