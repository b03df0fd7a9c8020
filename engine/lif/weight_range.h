// Stored weights of LifQuantization's scheme RANGE: steps that follow the spread of a layer's
// weights (schaefer.md, section 8). Training goes through the stored weights and changes finer ones
// by the same gradient.
#pragma once

#include <span>

namespace torpor {

// Numbers k step, k = -highest..highest.
struct WeightRange {
  // 0 where all weights are.
  float step = 0;
  int highest = 0;
};

// r 2^(1 - bits), r = 1.6, 2.5, 3.2 or 4 (2, 3, 4, more bits) times the root mean square of
// `weights`; highest is 2^(bits - 1) - 1. bits in 2..16.
WeightRange RangeOf(std::span<const float> weights, int bits);

// out = the nearest number of the range, of halves the even one: both signs alike, since weights
// that all lean one way add up over a neuron's inputs. Idempotent for one range. `out` is `weights`
// or overlaps nothing of it.
void QuantiseInRange(std::span<const float> weights, const WeightRange& range,
                     std::span<float> out);

// Share of zeros in [0, 1], what a sparse storage leaves out; 0 of none.
double ShareOfZeros(std::span<const float> weights);

}  // namespace torpor
