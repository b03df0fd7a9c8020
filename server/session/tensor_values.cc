#include "server/session/tensor_values.h"

#include <bit>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr uint32_t kExponent = 0x7f800000u;

// A division and no product: the nearest float in every instruction set.
TORPOR_SIMD void Divide(int64_t n, const uint8_t* __restrict bytes, float* __restrict out) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(bytes[i]) / 255.0f;
}

// By the exponent bits, which compiles to a vector loop.
TORPOR_SIMD bool AllFinite(int64_t n, const float* values) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < n; ++i) {
    bad |= (std::bit_cast<uint32_t>(values[i]) & kExponent) == kExponent ? 1u : 0u;
  }
  return bad == 0;
}

}  // namespace

void ReadFractions(std::span<const uint8_t> bytes, std::span<float> out) {
  TORPOR_CHECK(bytes.size() == out.size());
  Divide(static_cast<int64_t>(bytes.size()), bytes.data(), out.data());
}

int64_t FirstNotFinite(std::span<const float> values) {
  if (AllFinite(static_cast<int64_t>(values.size()), values.data())) return -1;
  for (size_t i = 0; i < values.size(); ++i) {
    if ((std::bit_cast<uint32_t>(values[i]) & kExponent) == kExponent)
      return static_cast<int64_t>(i);
  }
  return -1;
}

}  // namespace torpor
