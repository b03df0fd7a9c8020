#include "engine/lif/wage.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Pieces that stay in the first cache.
constexpr size_t kPiece = 1024;

bool AreBits(int bits) { return bits >= 2 && bits <= 16; }

v1::Rounding::Kind OrStochastic(v1::Rounding::Kind rounding) {
  return rounding == v1::Rounding::UNSPECIFIED ? v1::Rounding::STOCHASTIC : rounding;
}

// out = clip(in * scale), +-highest.
TORPOR_SIMD void ScaleAndClip(float scale, float highest, int64_t n, const float* in, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float x = in[i] * scale;
    const float low = x < -highest ? -highest : x;
    out[i] = low > highest ? highest : low;
  }
}

// stored = clip(stored - changes * step).
TORPOR_SIMD void Change(float step, float highest, int64_t n, const float* __restrict changes,
                        float* __restrict stored) {
  for (int64_t i = 0; i < n; ++i) {
    const float x = stored[i] - changes[i] * step;
    const float low = x < -highest ? -highest : x;
    stored[i] = low > highest ? highest : low;
  }
}

// out = nearest multiples of 1 / steps within +-highest, times `scale`.
TORPOR_SIMD void RoundWeights(float steps, float highest, float scale, int64_t n, const float* in,
                              float* out) {
  const float step = 1 / steps;
  for (int64_t i = 0; i < n; ++i) {
    const float x = std::nearbyint(in[i] * steps) * step;
    const float low = x < -highest ? -highest : x;
    out[i] = (low > highest ? highest : low) * scale + 0.0f;
  }
}

TORPOR_SIMD float LargestAbs(int64_t n, const float* values) {
  // Lanes of their own: the largest does not depend on the order.
  float lanes[16] = {};
  const int64_t whole = n / 16 * 16;
  for (int64_t i = 0; i < whole; i += 16) {
    for (int64_t k = 0; k < 16; ++k) {
      const float a = std::fabs(values[i + k]);
      lanes[k] = a > lanes[k] ? a : lanes[k];
    }
  }
  float max = 0;
  for (const float lane : lanes) max = std::max(max, lane);
  for (int64_t i = whole; i < n; ++i) max = std::max(max, std::fabs(values[i]));
  return max;
}

}  // namespace

WageLayer WageLayerOf(int weight_bits, float limit) {
  TORPOR_CHECK(AreBits(weight_bits) && limit > 0);
  const float widest = 1 - WageStep(weight_bits) / 2;
  return {.bound = std::max(widest, limit), .scale = std::max(1.0f, WageShift(widest / limit))};
}

void WageWeights(std::span<const float> stored, int weight_bits, float scale,
                 std::span<float> out) {
  TORPOR_CHECK(AreBits(weight_bits) && scale > 0 && stored.size() == out.size());
  RoundWeights(1 / WageStep(weight_bits), WageHighest(weight_bits), 1 / scale,
               static_cast<int64_t>(stored.size()), stored.data(), out.data());
}

float MaxAbs(std::span<const float> values) {
  return LargestAbs(static_cast<int64_t>(values.size()), values.data());
}

float WageShift(float max) {
  if (!(max > 0)) return 1;
  int exponent = 0;
  const float mantissa = std::frexp(max, &exponent);
  // log2 of a mantissa in [1/2, 1) rounds up from sqrt(1/2) on.
  return std::ldexp(1.0f, mantissa >= 0.70710678f ? exponent : exponent - 1);
}

void WageErrors(std::span<const float> errors, float shift, int bits, v1::Rounding::Kind rounding,
                const RoundingKey& key, std::span<float> out) {
  TORPOR_CHECK(AreBits(bits) && shift > 0 && errors.size() == out.size());
  ScaleAndClip(1 / shift, WageHighest(bits), static_cast<int64_t>(errors.size()), errors.data(),
               out.data());
  // Clipped to the symmetric range, nothing reaches the format's lowest number.
  const FixedPoint format = {.integer_bits = 0, .fraction_bits = bits - 1, .is_signed = true};
  Quantise(out, format, OrStochastic(rounding), key, out);
}

void WageUpdate(std::span<const float> gradient, float shift, float factor, int gradient_bits,
                v1::Rounding::Kind rounding, const RoundingKey& key, std::span<float> stored) {
  TORPOR_CHECK(AreBits(gradient_bits) && shift > 0 && factor >= 0 &&
               gradient.size() == stored.size());
  // Integers; changes of that many steps go from one end of the weights to the other.
  const FixedPoint whole = {.integer_bits = 17, .fraction_bits = 0, .is_signed = true};
  alignas(64) float changes[kPiece];
  for (size_t begin = 0; begin < stored.size(); begin += kPiece) {
    const size_t count = std::min(kPiece, stored.size() - begin);
    ScaleAndClip(factor / shift, whole.highest(), static_cast<int64_t>(count),
                 gradient.data() + begin, changes);
    RoundingKey piece = key;
    piece.first_element += begin;
    Quantise({changes, count}, whole, OrStochastic(rounding), piece, {changes, count});
    Change(WageStep(gradient_bits), WageHighest(gradient_bits), static_cast<int64_t>(count),
           changes, stored.data() + begin);
  }
}

}  // namespace torpor
