#include "engine/network/weight_density.h"

#include <algorithm>
#include <cmath>

#include "engine/base/status.h"

namespace torpor {

double Density(std::span<const float> weights) { return SymmetricDensity(weights, 1); }

double SymmetricDensity(std::span<const float> weights, int bits) {
  TORPOR_CHECK(bits >= 1 && bits <= 32);
  if (weights.empty()) return 0;
  double largest = 0;
  for (const float w : weights) largest = std::max(largest, std::abs(static_cast<double>(w)));
  const double step = bits == 1 ? 0 : largest / (std::ldexp(1.0, bits - 1) - 1);
  const auto kept = std::count_if(weights.begin(), weights.end(), [&](float w) {
    const double size = std::abs(static_cast<double>(w));
    return size > 0 && size >= step / 2;
  });
  return static_cast<double>(kept) / static_cast<double>(weights.size());
}

}  // namespace torpor
