// The whole network by dense, clock-driven loops: what the kernel and the learner are compared
// with.
//
// Each step visits every input, neuron and synapse, spikes or not, as matrix simulators (BindsNET)
// do; the loops are plain and vectorise. Spikes, weights and theta equal the event-driven network's
// bit for bit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/stdp/learning.h"
#include "engine/stdp/noise.h"
#include "engine/stdp/parameters.h"
#include "engine/stdp/spike_train.h"

namespace torpor {

// Not thread-safe.
class ReferenceNetwork {
 public:
  ReferenceNetwork(const StdpParameters& parameters, const StdpWeights& weights,
                   const LearningSettings& settings, const StateFormats& formats, uint64_t seed);

  // One sample; learns from it where nu1 is set. `counts` [neurons].
  void Present(const SpikeTrain& train, uint64_t sample, std::optional<float> nu1,
               std::span<int32_t> counts);

  // Of the last sample: neurons that emitted, by step.
  const std::vector<std::vector<uint32_t>>& emitted() const { return emitted_; }
  // Of the last sample's end [neurons], mV.
  const std::vector<float>& potentials() const { return v_; }
  const StdpWeights& weights() const { return state_; }

 private:
  void Reset(uint64_t sample);
  void Drive(int step);
  void StepNeurons(int step, bool learning);
  void PickWinner(int step);
  void StepInhibitory(int step);
  float Rounded(float v, int step, uint32_t place);
  void TakeTraces(int step);
  void Learn(int step, float nu1);
  void LearnPairs(int step, float nu0, int min_spikes, float nu1);
  void LearnWindow(int step, const WindowedSettings& rule, float nu1);
  void Normalise(int step);
  // Rounds what `next` changed and stores it.
  void WriteRow(size_t input, int step);

  const StdpParameters parameters_;
  const LearningSettings settings_;
  const StateFormats formats_;
  const uint64_t seed_;
  const size_t inputs_;
  const size_t neurons_;
  StdpWeights state_;

  uint64_t sample_ = 0;
  std::vector<float> decay_;
  // [inputs] or [neurons]; spikes are 0 or 1.
  std::vector<float> arriving_;
  std::vector<float> input_now_;
  std::vector<float> drive_;
  std::vector<float> v_;
  std::vector<int> refractory_;
  std::vector<float> before_;
  std::vector<float> spikes_;
  std::vector<float> inhibitory_v_;
  std::vector<int> inhibitory_refractory_;
  std::vector<float> inhibitory_spikes_;
  std::vector<int> last_input_;
  std::vector<int> last_spike_;
  std::vector<float> x_pre_;
  std::vector<float> x_post_;
  std::vector<int> counts_;
  std::vector<float> in_window_;
  std::vector<float> next_;
  std::vector<float> room_[2];
  std::vector<std::vector<uint32_t>> emitted_;
};

}  // namespace torpor
