// Shares of weights that are not zero.
#pragma once

#include <span>

namespace torpor {

// In 0..1; 0 of nothing.
double Density(std::span<const float> weights);

// The same after each weight is rounded to the nearest of 2^bits - 1 levels, evenly spaced and
// symmetric around 0, of which the outermost is the largest |weight|; a single bit stores signs and
// rounds nothing to zero. `bits` in 1..32.
double SymmetricDensity(std::span<const float> weights, int bits);

}  // namespace torpor
