// A reading of SL-STDP, a peer in the tinySNN paper: the pair-wise rule, for neurons alone that
// have emitted at least `min_spikes` spikes in the sample so far, the present one included. The
// gate is our interpretation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/stdp/pairwise_rule.h"

namespace torpor {

// Not thread-safe: it keeps room for a step.
class GatedRule {
 public:
  GatedRule(float nu0, int min_spikes) : pairwise_(nu0), min_spikes_(min_spikes) {}

  // One step; see PairwiseRule. Returns the number of weights written.
  int64_t Learn(const SampleSpikes& spikes, std::span<const uint32_t> input,
                std::span<const uint32_t> emitted, int step, float nu1, PlasticWeights& weights) {
    Open(spikes, spikes.neurons.seen(), depressed_);
    Open(spikes, emitted, emitted_);
    return pairwise_.Learn(spikes, input, depressed_, emitted_, step, nu1, weights);
  }

 private:
  void Open(const SampleSpikes& spikes, std::span<const uint32_t> neurons,
            std::vector<uint32_t>& open) const {
    open.clear();
    for (const uint32_t j : neurons) {
      if (spikes.counts[j] >= min_spikes_) open.push_back(j);
    }
  }

  PairwiseRule pairwise_;
  int min_spikes_;
  std::vector<uint32_t> depressed_;
  std::vector<uint32_t> emitted_;
};

}  // namespace torpor
