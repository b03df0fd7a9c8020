// Intensities to spikes: at each step an input of intensity p spikes with the chance
// p / 255 * spike_chance, to 2^-16 (Diehl and Cook, 2015: Poisson trains, here of one step each).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/simd.h"
#include "engine/stdp/spike_train.h"

namespace torpor {

// Not thread-safe: it keeps room for a sample; one a thread.
class RateEncoder {
 public:
  // spike_chance in [0, 1] of full intensity, a step.
  RateEncoder(int steps, float spike_chance, uint64_t seed, Instructions with = BestInstructions());

  // The spikes of a sample; each is a function of (seed, sample, step, input, intensity) alone.
  void Encode(std::span<const uint8_t> intensities, uint64_t sample, SpikeTrain& train);

 private:
  int ListActive(std::span<const uint8_t> intensities);

  int steps_;
  uint64_t seed_;
  Instructions with_;
  // Of each intensity, in 2^-16.
  std::array<uint32_t, 256> chances_;
  // Inputs that may spike, and the greatest 16-bit number at which each does.
  std::vector<uint32_t> active_;
  std::vector<uint16_t> limits_;
  // [kStepsADraw x bytes] of one draw.
  std::vector<uint8_t> bits_;
  std::vector<uint32_t> spikes_;
};

}  // namespace torpor
