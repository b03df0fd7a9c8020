#include "engine/quantize/quantise.h"

#include <algorithm>
#include <cmath>

#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// The format in numbers. Scales are powers of two between 2^-96 and 2^96: products with them are as
// exact as ldexp.
struct Scaled {
  explicit Scaled(const FixedPoint& format)
      : up(std::ldexp(1.0f, format.fraction_bits)),
        down(std::ldexp(1.0f, -format.fraction_bits)),
        lowest(format.lowest()),
        highest(format.highest()) {}
  float up, down, lowest, highest;
};

// Values whose lost part is at least `least` go up.
TORPOR_SIMD void RoundAt(float least, Scaled to, int64_t n, const float* in, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float steps = in[i] * to.up;
    float whole = std::floor(steps);
    whole += steps - whole >= least ? 1.0f : 0.0f;
    const float stored = whole * to.down + 0.0f;
    out[i] = stored < to.lowest ? to.lowest : stored > to.highest ? to.highest : stored;
  }
}

TORPOR_SIMD void RoundByNoise(const float* __restrict noise, Scaled to, int64_t n, const float* in,
                              float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float steps = in[i] * to.up;
    float whole = std::floor(steps);
    whole += steps - whole + noise[i] >= 1.0f ? 1.0f : 0.0f;
    const float stored = whole * to.down + 0.0f;
    out[i] = stored < to.lowest ? to.lowest : stored > to.highest ? to.highest : stored;
  }
}

}  // namespace

void Quantise(std::span<const float> in, const FixedPoint& format, v1::Rounding::Kind rounding,
              const RoundingKey& key, std::span<float> out) {
  TORPOR_CHECK(in.size() == out.size());
  TORPOR_CHECK(IsFormat(format));
  const Scaled to(format);
  if (rounding != v1::Rounding::STOCHASTIC) {
    // No lost part is 2.
    RoundAt(rounding == v1::Rounding::TRUNCATE ? 2.0f : 0.5f, to, static_cast<int64_t>(in.size()),
            in.data(), out.data());
    return;
  }
  RandomStream stream(key.seed, RandomPurpose::kRounding, key.tensor, key.write);
  stream.Seek(key.first_element);
  // In pieces that stay in the first cache.
  constexpr size_t kPiece = 1024;
  alignas(64) float noise[kPiece];
  for (size_t begin = 0; begin < in.size(); begin += kPiece) {
    const size_t count = std::min(kPiece, in.size() - begin);
    stream.FillFloats({noise, count});
    RoundByNoise(noise, to, static_cast<int64_t>(count), in.data() + begin, out.data() + begin);
  }
}

}  // namespace torpor
