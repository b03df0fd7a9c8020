// From bytes to spikes in time.
//
// With T ticks, tick t = 0..T-1 and a pixel of intensity x = p / 255:
//   EVEN         k = floor(T x + 1/2) spikes, a spike where floor((t + 1) k / T) > floor(t k / T);
//   THERMOMETER  a spike where x > (t + 1/2) / T;
//   BERNOULLI    a spike with probability x.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/simd.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// Words of 64 lines: bit i of word w is line 64 w + i.
inline constexpr int WordsOf(int lines) { return (lines + 63) / 64; }

// Immutable.
class RateCode {
 public:
  RateCode(v1::RateCode::Kind kind, int ticks, uint64_t seed,
           Instructions with = BestInstructions());

  // Which of the pixels spike at tick `tick` of sample `sample`: word w of the spikes goes to
  // words[w * stride]; bits past the last pixel are 0. A function of (seed, sample, tick, pixel)
  // alone.
  void Spikes(std::span<const uint8_t> pixels, uint64_t sample, int tick, uint64_t* words,
              int64_t stride) const;

 private:
  v1::RateCode::Kind kind_;
  uint64_t seed_;
  Instructions with_;
  // Bit p % 8 of byte p / 8 at tick t: whether a pixel p spikes. Empty for BERNOULLI.
  std::vector<std::array<uint8_t, 32>> fires_;
};

}  // namespace torpor
