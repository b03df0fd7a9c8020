#include "engine/lif/weight_range.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

TORPOR_SIMD void RoundTo(float step, float highest, int64_t n, const float* in, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float whole = std::nearbyint(in[i] / step);
    const float low = whole < -highest ? -highest : whole;
    // + 0: no -0.
    out[i] = (low > highest ? highest : low) * step + 0.0f;
  }
}

}  // namespace

WeightRange RangeOf(std::span<const float> weights, int bits) {
  TORPOR_CHECK(bits >= 2 && bits <= 16);
  double squares = 0;
  for (const float w : weights) squares += static_cast<double>(w) * w;
  const double rms = weights.empty() ? 0 : std::sqrt(squares / static_cast<double>(weights.size()));
  const double widths[] = {1.6, 2.5, 3.2, 4};
  const double r = widths[std::min(bits, 5) - 2] * rms;
  return {.step = static_cast<float>(std::ldexp(r, 1 - bits)), .highest = (1 << (bits - 1)) - 1};
}

void QuantiseInRange(std::span<const float> weights, const WeightRange& range,
                     std::span<float> out) {
  TORPOR_CHECK(weights.size() == out.size());
  if (range.step == 0) {
    std::fill(out.begin(), out.end(), 0.0f);
    return;
  }
  RoundTo(range.step, static_cast<float>(range.highest), static_cast<int64_t>(weights.size()),
          weights.data(), out.data());
}

double ShareOfZeros(std::span<const float> weights) {
  if (weights.empty()) return 0;
  const auto zeros = std::count(weights.begin(), weights.end(), 0.0f);
  return static_cast<double>(zeros) / static_cast<double>(weights.size());
}

}  // namespace torpor
