#include "engine/scaling/synaptic_power.h"

#include <cmath>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr int64_t kLanes = 16;

TORPOR_SIMD void AddMagnitudes(const float* row, int64_t n, double* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += std::fabs(row[i]);
}

// Partial sums by lane: independent additions that vectorise without reordering anything.
TORPOR_SIMD double SquaredDot(const float* u, const double* w, int64_t n) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) {
      const double x = u[i + k];
      lanes[k] += x * x * w[i + k];
    }
  }
  for (int64_t k = 0; i < n; ++i, ++k) {
    const double x = u[i];
    lanes[k] += x * x * w[i];
  }
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

TORPOR_SIMD int64_t NonZero(const float* u, int64_t n) {
  int32_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += u[i] != 0 ? 1 : 0;
  return count;
}

}  // namespace

std::vector<double> ColumnPower(ConstMatrixView weights) {
  std::vector<double> sum(static_cast<size_t>(weights.cols()), 0.0);
  for (int64_t i = 0; i < weights.rows(); ++i) {
    AddMagnitudes(weights.row(i).data(), weights.cols(), sum.data());
  }
  return sum;
}

InputPower MeterInputs(std::span<const float> inputs, std::span<const double> column_power) {
  TORPOR_CHECK(inputs.size() == column_power.size());
  const int64_t n = static_cast<int64_t>(inputs.size());
  // Two passes: counting inside the sum keeps it from vectorising.
  return {.weight_power = SquaredDot(inputs.data(), column_power.data(), n),
          .non_zero = NonZero(inputs.data(), n)};
}

int64_t CountNonZero(std::span<const float> inputs) {
  return NonZero(inputs.data(), static_cast<int64_t>(inputs.size()));
}

double BiasPower(std::span<const float> bias) {
  double sum = 0;
  for (float b : bias) sum += std::fabs(b);
  return sum;
}

}  // namespace torpor
