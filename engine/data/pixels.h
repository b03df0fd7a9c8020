// Values as the 8-bit intensities that spiking families read.
#pragma once

#include <cstdint>
#include <span>

namespace torpor {

// p = round(255 x), halves up, of values saturated to [0, 1]; x is read to 24 binary places.
void ReadPixels(std::span<const float> values, std::span<uint8_t> pixels);

}  // namespace torpor
