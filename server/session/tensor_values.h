// Elements of input tensors as numbers.
#pragma once

#include <cstdint>
#include <span>

namespace torpor {

// out[i] = bytes[i] / 255, the nearest float. Of the same length.
void ReadFractions(std::span<const uint8_t> bytes, std::span<float> out);

// Index of the first NaN or infinity, or -1.
int64_t FirstNotFinite(std::span<const float> values);

}  // namespace torpor
