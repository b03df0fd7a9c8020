// Fitting the temperature of a read-out, so that scores become probabilities (Guo et al., "On
// calibration of modern neural networks", 2017).
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/gemm.h"

namespace torpor {

// The T > 0 that minimises the mean cross-entropy of softmax(scores / T), to a thousandth;
// scores [n x classes], n >= 1. 1 where no T is best: scores that are all alike, or none that is
// wrong.
double FitTemperature(ConstMatrixView scores, std::span<const int32_t> labels);

// The same against probabilities instead of labels; shares [n x classes], rows that add up to 1.
double FitTemperature(ConstMatrixView scores, ConstMatrixView shares);

}  // namespace torpor
