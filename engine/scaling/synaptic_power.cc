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

// Partial sums: independent additions that vectorise without reordering anything. Named as vectors,
// since compilers do not find them in plain loops.
typedef float FloatLanes
    __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
typedef double DoubleLanes
    __attribute__((vector_size(kLanes * sizeof(double)), aligned(8), may_alias));
typedef int32_t CountLanes __attribute__((vector_size(kLanes * sizeof(int32_t))));

TORPOR_SIMD double SquaredDot(const float* u, const double* w, int64_t n, int32_t* non_zero) {
  DoubleLanes sums = {};
  CountLanes counts = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const FloatLanes x = *reinterpret_cast<const FloatLanes*>(u + i);
    const DoubleLanes d = __builtin_convertvector(x, DoubleLanes);
    sums += d * d * *reinterpret_cast<const DoubleLanes*>(w + i);
    counts -= x != 0;  // a true lane is -1
  }
  double sum = 0;
  int32_t count = 0;
  for (int64_t k = 0; k < kLanes; ++k) {
    sum += sums[k];
    count += counts[k];
  }
  for (; i < n; ++i) {
    const double x = u[i];
    sum += x * x * w[i];
    count += u[i] != 0 ? 1 : 0;
  }
  *non_zero = count;
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
  int32_t non_zero = 0;
  const double power = SquaredDot(inputs.data(), column_power.data(),
                                  static_cast<int64_t>(inputs.size()), &non_zero);
  return {.weight_power = power, .non_zero = non_zero};
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
