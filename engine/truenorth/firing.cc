#include "engine/truenorth/firing.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// exp(y) for y <= 0 within 2 units of the last place, in operations that vectorise: 2^k times a
// polynomial of what is left, |r| <= ln(2) / 2. Below -87 it stays at exp(-87).
[[gnu::always_inline]] inline float ExpOfNegative(float y) {
  y = y > -87.0f ? y : -87.0f;
  const int32_t k = static_cast<int32_t>(y * 1.44269504f - 0.5f);
  const float n = static_cast<float>(k);
  const float r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * std::bit_cast<float>((k + 127) << 23);
}

struct Firing {
  float probability;
  float slope;
  float variance_slope;
};

[[gnu::always_inline]] inline Firing Fire(float mean, float leak, float variance, float floor) {
  const float v = (variance > 0 ? variance : 0.0f) + floor;
  const float inverse = 1.0f / std::sqrt(v);
  const float z = (mean + leak - 0.5f) * inverse;
  const float magnitude = z < 0 ? -z : z;
  const float e = ExpOfNegative(-0.5f * z * z);
  const float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * magnitude);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float tail = 0.5f * p * t * e;
  const float slope = 0.398942280f * e * inverse;
  return {z > 0 ? 1.0f - tail : tail, slope, -0.5f * slope * z * inverse};
}

TORPOR_SIMD void FireWithoutVarianceSlope(int64_t n, const float* __restrict leak, float floor,
                                          float* __restrict mean, float* __restrict variance) {
  for (int64_t j = 0; j < n; ++j) {
    const Firing firing = Fire(mean[j], leak[j], variance[j], floor);
    mean[j] = firing.probability;
    variance[j] = firing.slope;
  }
}

TORPOR_SIMD void FireWithVarianceSlope(int64_t n, const float* __restrict leak, float floor,
                                       float* __restrict mean, float* __restrict variance,
                                       float* __restrict variance_slope) {
  for (int64_t j = 0; j < n; ++j) {
    const Firing firing = Fire(mean[j], leak[j], variance[j], floor);
    mean[j] = firing.probability;
    variance[j] = firing.slope;
    variance_slope[j] = firing.variance_slope;
  }
}

}  // namespace

void FiringProbabilities(std::span<const float> leak, float floor, std::span<float> mean,
                         std::span<float> variance, std::span<float> variance_slope) {
  TORPOR_CHECK(leak.size() == mean.size() && variance.size() == mean.size() &&
               (variance_slope.empty() || variance_slope.size() == mean.size()));
  const int64_t n = static_cast<int64_t>(mean.size());
  if (variance_slope.empty()) {
    FireWithoutVarianceSlope(n, leak.data(), floor, mean.data(), variance.data());
  } else {
    FireWithVarianceSlope(n, leak.data(), floor, mean.data(), variance.data(),
                          variance_slope.data());
  }
}

}  // namespace torpor
