// What storing numbers in a format did to them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/quantize/fixed_point.h"

namespace torpor {

struct Distortion {
  int64_t count = 0;
  // Of |stored - original|; 0 without values.
  double max_abs_error = 0;
  double mean_abs_error = 0;
  // Mean of stored - original: what truncation takes away.
  double mean_error = 0;
  // 10 log10(sum original^2 / sum (stored - original)^2), dB; infinite where nothing changed.
  double signal_to_noise_db = 0;
  // Of originals outside the format's range, [0 or -2^integer_bits, 2^integer_bits); in 0..1.
  double share_saturated = 0;
};

// Of arrays of one length, finite values.
Distortion MeasureDistortion(std::span<const float> original, std::span<const float> stored,
                             const FixedPoint& format);

}  // namespace torpor
