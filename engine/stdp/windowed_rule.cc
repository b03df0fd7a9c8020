#include "engine/stdp/windowed_rule.h"

namespace torpor {

void WindowedRule::ListChanges(const SampleSpikes& spikes, int step, float rate, int inputs) {
  changes_.clear();
  if (target_ <= 0) {
    for (const uint32_t i : spikes.inputs.seen()) {
      changes_.push_back({i, rate * spikes.inputs.At(i, step), 0.0f});
    }
    return;
  }
  for (uint32_t i = 0; i < static_cast<uint32_t>(inputs); ++i) {
    const float x = spikes.inputs.At(i, step);
    changes_.push_back({i, rate * x, x < target_ ? rate * (target_ - x) : 0.0f});
  }
}

// Those that emitted in the window.
void WindowedRule::ListNeurons(const SampleSpikes& spikes, int step) {
  neurons_.clear();
  for (const uint32_t j : spikes.neurons.seen()) {
    if (spikes.neurons.SpikedSince(j, step + 1 - window_)) neurons_.push_back(j);
  }
}

int64_t WindowedRule::Learn(const SampleSpikes& spikes, int step, float nu1,
                            PlasticWeights& weights) {
  if ((step + 1) % window_ != 0) return 0;
  ListNeurons(spikes, step);
  if (neurons_.empty()) return 0;
  const int k = (spikes.most + spike_threshold_ - 1) / spike_threshold_;
  ListChanges(spikes, step, static_cast<float>(k) * nu1, weights.inputs());
  const float most = weights.most();
  for (const uint32_t j : neurons_) {
    for (const Change& change : changes_) {
      const float w = weights.At(change.input, j);
      weights.Write(change.input, j, step, (w + change.up * (most - w)) - change.down * w);
    }
  }
  return static_cast<int64_t>(neurons_.size() * changes_.size());
}

}  // namespace torpor
