#include "engine/truenorth/rate_code.h"

#include <algorithm>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/truenorth/spike_bits.h"

namespace torpor {
namespace {

bool Fires(v1::RateCode::Kind kind, int64_t p, int64_t ticks, int64_t t) {
  if (kind == v1::RateCode::THERMOMETER) return 2 * ticks * p > 255 * (2 * t + 1);
  const int64_t k = (2 * p * ticks + 255) / 510;
  return (t + 1) * k / ticks > t * k / ticks;
}

}  // namespace

RateCode::RateCode(v1::RateCode::Kind kind, int ticks, uint64_t seed, Instructions with)
    : kind_(kind), seed_(seed), with_(with) {
  if (kind == v1::RateCode::BERNOULLI) return;
  fires_.resize(static_cast<size_t>(ticks));
  for (int t = 0; t < ticks; ++t) {
    for (int p = 0; p < 256; ++p) {
      if (!Fires(kind, p, ticks, t)) continue;
      uint8_t& byte = fires_[static_cast<size_t>(t)][static_cast<size_t>(p / 8)];
      byte = static_cast<uint8_t>(byte | 1 << p % 8);
    }
  }
}

void RateCode::Spikes(std::span<const uint8_t> pixels, uint64_t sample, int tick, uint64_t* words,
                      int64_t stride) const {
  if (kind_ != v1::RateCode::BERNOULLI) {
    SpikeBits(pixels, fires_[static_cast<size_t>(tick)], words, stride, with_);
    return;
  }
  // One 32-bit number a pixel, drawn or not, so that each keeps its place; probability p / 255 to
  // 2^-32.
  RandomStream random(seed_, RandomPurpose::kRateCode, 0, sample, static_cast<uint32_t>(tick));
  for (size_t first = 0; first < pixels.size(); first += 64, words += stride) {
    const size_t count = std::min<size_t>(64, pixels.size() - first);
    uint64_t word = 0;
    for (size_t i = 0; i < count; ++i) {
      const uint64_t draw = random.NextU32();
      word |= uint64_t{draw * 255 < uint64_t{pixels[first + i]} << 32} << i;
    }
    *words = word;
  }
}

}  // namespace torpor
