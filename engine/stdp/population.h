// The neurons of one sample, driven by the input's spikes.
//
// One step (BindsNET's DiehlAndCookNodes and LIFNodes; spikes of step t - 1 act at t everywhere):
//   v = v * decay;
//   v += sum of the rows of arriving spikes + noise - inhibition, unless refractory;
//   v is rounded if it has a format;
//   crossing where v >= threshold + theta: v = reset, refractory, theta += theta_plus if learning;
//   of the crossing neurons one, drawn at random, emits its spike, or all do.
// Direct inhibition: each emitted spike takes `inhibition` from all other neurons at the next step.
// Inhibitory neurons: each emitted spike drives its partner at the next step; what that emits takes
// `inhibition` from all but its partner one step later.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/simd.h"
#include "engine/stdp/aligned_array.h"
#include "engine/stdp/noise.h"
#include "engine/stdp/parameters.h"
#include "engine/stdp/population_kernel.h"
#include "engine/stdp/rounder.h"
#include "engine/stdp/weight_rows.h"

namespace torpor {

// Not thread-safe; one a thread.
class Population {
 public:
  // theta: [neurons].
  Population(const StdpParameters& parameters, std::span<const float> theta,
             const StateFormats& formats, uint64_t seed, Instructions with = BestInstructions());

  // Before each sample: all at rest, no spike under way.
  void Reset(uint64_t sample);
  // The next step. `arriving`: inputs that spiked in the step before, ascending. Neurons that emit,
  // ascending; valid until the next call.
  std::span<const uint32_t> Step(const WeightRows& rows, std::span<const uint32_t> arriving,
                                 bool learning);
  // theta *= theta_decay: once a learned sample.
  void DecayTheta();

  std::span<const float> theta() const { return theta_; }
  // [neurons], mV.
  std::span<const float> potentials() const {
    return {v_.data(), static_cast<size_t>(parameters_.neurons)};
  }
  // Since Reset; without what concerns learning.
  const StdpCounts& counts() const { return counts_; }

 private:
  struct Partner {
    uint32_t neuron;
    float v;
    int32_t ready_at;
  };
  void SumRows(const WeightRows& rows, std::span<const uint32_t> arriving, NeuronStep& step);
  void SumCodes8(const WeightRows& rows, std::span<const uint32_t> arriving, NeuronStep& step);
  void SumCodes16(const WeightRows& rows, std::span<const uint32_t> arriving, NeuronStep& step);
  void Inhibit(std::span<const uint32_t> spikes, NeuronStep& step);
  // One number a neuron and step, of (seed, sample, step, neuron).
  void AddNoise(NeuronStep& step);
  void PrepareRounding(NeuronStep& step);
  void Cross(bool learning);
  void WakePartners();
  void StepInhibitory();

  const StdpParameters parameters_;
  const uint64_t seed_;
  const PopulationKernel& kernel_;
  const int padded_;
  bool rounds_membrane_ = false;
  bool rounds_theta_ = false;
  Rounder membrane_;
  Rounder theta_rounder_;
  float reset_;
  float inhibitory_reset_ = 0;
  std::vector<float> theta_;

  uint64_t sample_ = 0;
  int32_t now_ = 0;
  Noise membrane_noise_;
  Noise theta_noise_;
  AlignedArray<float> v_;
  AlignedArray<int32_t> ready_at_;
  AlignedArray<float> level_;
  AlignedArray<float> inhibition_;
  AlignedArray<float> noise_;
  std::vector<float> column_noise_;
  // Room for one kind of sums or another.
  AlignedArray<float> sums_;
  AlignedArray<uint16_t> sums8_;
  AlignedArray<int32_t> sums16_;
  AlignedArray<int32_t> parts16_;
  std::vector<uint32_t> crossings_;
  std::vector<uint32_t> crossing_;
  std::vector<uint32_t> emitted_;
  std::vector<uint32_t> before_;
  // Inhibitory neurons that are not at rest, ascending; the others stay there.
  std::vector<Partner> partners_;
  std::vector<uint32_t> inhibiting_;
  StdpCounts counts_;
};

}  // namespace torpor
