// Whole arrays into a fixed-point format.
#pragma once

#include <cstdint>
#include <span>

#include "engine/quantize/fixed_point.h"

namespace torpor {

// Whose noise STOCHASTIC draws: element i of an array takes number first_element + i of
// RandomStream(seed, kRounding, tensor, write), as NextFloat gives it. It depends on nothing else,
// so an array may be cut into parts for threads.
struct RoundingKey {
  uint64_t seed = 0;
  // Which array of a network, below 2^16.
  uint32_t tensor = 0;
  // How many times the array was written before, e.g. samples learned: each write has noise of its
  // own.
  uint64_t write = 0;
  // The element of the array that the span begins with.
  uint64_t first_element = 0;
};

// out[i] = Quantise(in[i], format, rounding, noise of i), to the bit. `out` is as long as `in` and
// is `in` or overlaps nothing of it. `key` is read by STOCHASTIC alone.
void Quantise(std::span<const float> in, const FixedPoint& format, v1::Rounding::Kind rounding,
              const RoundingKey& key, std::span<float> out);

}  // namespace torpor
