// Histograms of weights.
#pragma once

#include <span>

#include "torpor/v1/analysis.pb.h"

namespace torpor {

// Whole numbers that span at most 64 values are counted one by one; all else in 50 bins of equal
// width from the smallest to the largest value. Values are finite; none: an empty histogram.
v1::Histogram HistogramOf(std::span<const float> values);

}  // namespace torpor
