#include "engine/quantize/distortion.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/status.h"

namespace torpor {

Distortion MeasureDistortion(std::span<const float> original, std::span<const float> stored,
                             const FixedPoint& format) {
  TORPOR_CHECK(original.size() == stored.size());
  const double low = format.lowest();
  const double end = std::ldexp(1.0, format.integer_bits);
  double error = 0, abs_error = 0, noise = 0, signal = 0, largest = 0;
  int64_t saturated = 0;
  for (size_t i = 0; i < original.size(); ++i) {
    const double x = original[i];
    const double e = stored[i] - x;
    error += e;
    abs_error += std::abs(e);
    noise += e * e;
    signal += x * x;
    largest = std::max(largest, std::abs(e));
    saturated += x < low || x >= end;
  }
  Distortion distortion;
  distortion.count = static_cast<int64_t>(original.size());
  distortion.max_abs_error = largest;
  distortion.signal_to_noise_db =
      noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
  if (distortion.count > 0) {
    const double n = static_cast<double>(distortion.count);
    distortion.mean_abs_error = abs_error / n;
    distortion.mean_error = error / n;
    distortion.share_saturated = static_cast<double>(saturated) / n;
  }
  return distortion;
}

}  // namespace torpor
