#include "engine/data/pixels.h"

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Integers throughout, exact in every instruction set: floor(255 n / 2^24 + 1/2).
TORPOR_SIMD void ReadBytes(int64_t n, const float* __restrict values, uint8_t* __restrict pixels) {
  for (int64_t i = 0; i < n; ++i) {
    const float above = values[i] > 0 ? values[i] : 0;
    const float x = above < 1 ? above : 1;
    const uint32_t fixed = static_cast<uint32_t>(static_cast<int32_t>(x * 16777216.0f));
    pixels[i] = static_cast<uint8_t>(((fixed << 8) - fixed + (1u << 23)) >> 24);
  }
}

}  // namespace

void ReadPixels(std::span<const float> values, std::span<uint8_t> pixels) {
  TORPOR_CHECK(values.size() == pixels.size());
  ReadBytes(static_cast<int64_t>(values.size()), values.data(), pixels.data());
}

}  // namespace torpor
