// Samples to spikes, as LifNetwork's codes define it.
//
// Intensities are bytes p, of which 255 is full, or numbers x in [0, 1] read as p = round(255 x)
// (engine/data/pixels.h), one for each input in the family's order. Encoders are not thread-safe:
// each keeps room for a sample; one a thread. `spikes` is written whole; its memory is used again.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/lif/spike_train.h"

namespace torpor {

// One spike at step floor((255 - p) / (255 - threshold) (steps - 4)) for p > threshold. Of four
// steps or fewer all are in the first. Inputs of a step are in ascending order.
class LatencyEncoder {
 public:
  // steps in 1..65535, threshold in 0..254.
  LatencyEncoder(int steps, int threshold);

  void Encode(std::span<const uint8_t> pixels, LifSpikes& spikes);
  void Encode(std::span<const float> values, LifSpikes& spikes);

 private:
  int steps_;
  uint8_t threshold_;
  // Of each intensity above the threshold.
  std::array<uint16_t, 256> step_of_ = {};
  std::vector<uint32_t> active_;
  std::vector<uint8_t> pixels_;
};

// In each step a spike with probability chance p / 255, to 2^-24: input i takes number i of
// RandomStream(seed, kInputSpikes, 0, sample, step), whatever the other inputs are.
class SpikeRateEncoder {
 public:
  // steps >= 1, chance in (0, 1].
  SpikeRateEncoder(int steps, double chance, uint64_t seed);

  void Encode(std::span<const uint8_t> pixels, uint64_t sample, LifSpikes& spikes);
  void Encode(std::span<const float> values, uint64_t sample, LifSpikes& spikes);

 private:
  int steps_;
  uint64_t seed_;
  // Of each intensity.
  std::array<float, 256> chance_ = {};
  // Inputs that may spike, and their chances.
  std::vector<uint32_t> active_;
  std::vector<float> limits_;
  std::vector<float> numbers_;
  std::vector<uint8_t> pixels_;
};

// The currents of the direct code, the same in every step: p / 255, and x as it is, saturated to
// [0, 1].
void DirectCurrents(std::span<const uint8_t> pixels, std::span<float> currents);
void DirectCurrents(std::span<const float> values, std::span<float> currents);

// A sample that is spikes already, [steps x inputs]: a spike where p >= 128, x >= 1/2.
void RasterSpikes(int steps, std::span<const uint8_t> pixels, LifSpikes& spikes);
void RasterSpikes(int steps, std::span<const float> values, LifSpikes& spikes);

}  // namespace torpor
