// Many bytes at once through a table of 256 bits.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/base/simd.h"

namespace torpor {

// Bit i % 64 of words[(i / 64) * stride] becomes bit p % 8 of table[p / 8] with p = bytes[i]; the
// last word is filled up with zeros. `with` must be one that the CPU has.
void SpikeBits(std::span<const uint8_t> bytes, const std::array<uint8_t, 32>& table,
               uint64_t* words, int64_t stride, Instructions with);

}  // namespace torpor
