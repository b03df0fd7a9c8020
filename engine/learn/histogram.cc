#include "engine/learn/histogram.h"

#include <algorithm>
#include <cmath>

namespace torpor {
namespace {

constexpr int kLargestSpan = 64;
constexpr int kBins = 50;

}  // namespace

v1::Histogram HistogramOf(std::span<const float> values) {
  v1::Histogram histogram;
  if (values.empty()) return histogram;
  const auto [least, largest] = std::minmax_element(values.begin(), values.end());
  const double low = *least, high = *largest;
  const bool whole =
      high - low < kLargestSpan &&
      std::all_of(values.begin(), values.end(), [](float v) { return v == std::nearbyint(v); });
  const int bins = whole ? static_cast<int>(high - low) + 1 : kBins;
  // Values that are all alike have a bin of some width around them.
  const double width = whole ? 1 : std::max((high - low) / kBins, 1e-9);
  histogram.set_width(whole ? 0 : width);
  for (int b = 0; b < bins; ++b) {
    histogram.add_value(whole ? low + b : low + (b + 0.5) * width);
    histogram.add_count(0);
  }
  for (const float value : values) {
    const int bin = std::clamp(static_cast<int>((value - low) / width), 0, bins - 1);
    histogram.set_count(bin, histogram.count(bin) + 1);
  }
  return histogram;
}

}  // namespace torpor
