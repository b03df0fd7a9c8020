#include "engine/stdp/pairwise_rule.h"

namespace torpor {

int64_t PairwiseRule::Learn(const SampleSpikes& spikes, std::span<const uint32_t> input,
                            std::span<const uint32_t> depressed, std::span<const uint32_t> emitted,
                            int step, float nu1, PlasticWeights& weights) {
  int64_t written = 0;
  if (nu0_ != 0) {
    losses_.clear();
    for (const uint32_t j : depressed) {
      if (spikes.neurons.SpikedAt(j, step)) continue;
      losses_.push_back({j, nu0_ * spikes.neurons.At(j, step)});
    }
    for (const uint32_t i : input) {
      for (const Loss& loss : losses_) {
        weights.Write(i, loss.neuron, step, weights.At(i, loss.neuron) - loss.amount);
      }
    }
    written += static_cast<int64_t>(input.size() * losses_.size());
  }
  // Inputs that have not spiked yet have no trace: nothing to gain, nor to lose.
  const std::span<const uint32_t> seen = spikes.inputs.seen();
  for (const uint32_t j : emitted) {
    const float loss = nu0_ * spikes.neurons.At(j, step);
    for (const uint32_t i : seen) {
      const float lost = spikes.inputs.SpikedAt(i, step) ? loss : 0.0f;
      weights.Write(i, j, step, (weights.At(i, j) - lost) + nu1 * spikes.inputs.At(i, step));
    }
    written += static_cast<int64_t>(seen.size());
  }
  return written;
}

}  // namespace torpor
