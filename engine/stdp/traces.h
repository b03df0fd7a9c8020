// Spike traces: set to 1 at a spike, times exp(-1 / tau) each step after it (BindsNET's traces with
// traces_additive = False). In closed form, from the last spike's time: exp(-(t - t_last) / tau).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace torpor {

// Of so many sources (inputs or neurons), for one sample at a time. Not thread-safe.
class Traces {
 public:
  // tau in steps, above 0.
  Traces(int sources, float tau, int steps) : last_(static_cast<size_t>(sources), kNever) {
    for (int age = 0; age < steps; ++age) {
      decay_.push_back(static_cast<float>(std::exp(-static_cast<double>(age) / tau)));
    }
  }

  // Forgets all spikes.
  void Reset() {
    for (const uint32_t source : seen_) last_[source] = kNever;
    seen_.clear();
  }
  // In the order of steps; each source at most once a step.
  void Record(std::span<const uint32_t> spikes, int step) {
    for (const uint32_t source : spikes) {
      if (last_[source] == kNever) seen_.push_back(source);
      last_[source] = step;
    }
  }
  // 0 if it has not spiked yet.
  float At(uint32_t source, int step) const {
    const int32_t last = last_[source];
    return last == kNever ? 0.0f : decay_[static_cast<size_t>(step - last)];
  }
  bool SpikedAt(uint32_t source, int step) const { return last_[source] == step; }
  // At `step` >= 0 or later.
  bool SpikedSince(uint32_t source, int step) const { return last_[source] >= step; }
  // Sources that have spiked, in the order of their first spikes.
  std::span<const uint32_t> seen() const { return seen_; }

 private:
  static constexpr int32_t kNever = -1;
  std::vector<int32_t> last_;
  std::vector<uint32_t> seen_;
  std::vector<float> decay_;
};

}  // namespace torpor
