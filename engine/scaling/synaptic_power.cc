#include "engine/scaling/synaptic_power.h"

#include <cmath>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr int kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
typedef int32_t Counts __attribute__((vector_size(kLanes * sizeof(int32_t))));
typedef float EightFloats __attribute__((vector_size(8 * sizeof(float))));
typedef double EightDoubles __attribute__((vector_size(8 * sizeof(double))));
// Partial sums, so that additions need not wait for one another.
constexpr int kSums = 4;
constexpr int64_t kStep = kSums * kLanes;
// Inputs summed in float: eight additions to a partial sum and two between them.
constexpr int64_t kShortSum = 8 * kStep;

TORPOR_SIMD void AddMagnitudes(const float* row, int64_t n, double* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += std::fabs(row[i]);
}

TORPOR_SIMD void Meter(const float* __restrict u, const float* __restrict w, int64_t n,
                       double* __restrict power, double* __restrict squares,
                       int64_t* __restrict non_zero) {
  // Of u o u o w, and of u o u.
  EightDoubles totals[2] = {};
  Counts zeros[kSums] = {};
  const int64_t whole = n - n % kLanes;
  for (int64_t first = 0; first < whole; first += kShortSum) {
    const int64_t end = first + kShortSum < whole ? first + kShortSum : whole;
    Lanes sums[kSums] = {};
    Lanes square_sums[kSums] = {};
    int64_t i = first;
    for (; i + kStep <= end; i += kStep) {
      for (int k = 0; k < kSums; ++k) {
        const Lanes x = *reinterpret_cast<const Lanes*>(u + i + k * kLanes);
        sums[k] += x * x * *reinterpret_cast<const Lanes*>(w + i + k * kLanes);
        square_sums[k] += x * x;
        // A comparison that holds gives -1 in its lane.
        zeros[k] -= x == 0;
      }
    }
    for (; i < end; i += kLanes) {
      const Lanes x = *reinterpret_cast<const Lanes*>(u + i);
      sums[0] += x * x * *reinterpret_cast<const Lanes*>(w + i);
      square_sums[0] += x * x;
      zeros[0] -= x == 0;
    }
    const Lanes both[2] = {(sums[0] + sums[1]) + (sums[2] + sums[3]),
                           (square_sums[0] + square_sums[1]) + (square_sums[2] + square_sums[3])};
    for (int q = 0; q < 2; ++q) {
      const EightFloats low = __builtin_shufflevector(both[q], both[q], 0, 1, 2, 3, 4, 5, 6, 7);
      const EightFloats high =
          __builtin_shufflevector(both[q], both[q], 8, 9, 10, 11, 12, 13, 14, 15);
      totals[q] +=
          __builtin_convertvector(low, EightDoubles) + __builtin_convertvector(high, EightDoubles);
    }
  }
  double total[2];
  for (int q = 0; q < 2; ++q) {
    const EightDoubles& t = totals[q];
    total[q] = ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
  }
  const Counts counts = (zeros[0] + zeros[1]) + (zeros[2] + zeros[3]);
  int64_t zero_count = 0;
  for (int k = 0; k < kLanes; ++k) zero_count += counts[k];
  for (int64_t i = whole; i < n; ++i) {
    total[0] += static_cast<double>(u[i] * u[i] * w[i]);
    total[1] += static_cast<double>(u[i] * u[i]);
    zero_count += u[i] == 0 ? 1 : 0;
  }
  *power = total[0];
  *squares = total[1];
  *non_zero = n - zero_count;
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

InputPower MeterInputs(std::span<const float> inputs, std::span<const float> column_power) {
  TORPOR_CHECK(inputs.size() == column_power.size());
  InputPower drawn;
  Meter(inputs.data(), column_power.data(), static_cast<int64_t>(inputs.size()),
        &drawn.weight_power, &drawn.squares, &drawn.non_zero);
  return drawn;
}

InputPower ReferenceMeterInputs(std::span<const float> inputs,
                                std::span<const double> column_power) {
  InputPower drawn;
  for (size_t i = 0; i < inputs.size(); ++i) {
    drawn.weight_power += static_cast<double>(inputs[i]) * inputs[i] * column_power[i];
    drawn.squares += static_cast<double>(inputs[i]) * inputs[i];
    drawn.non_zero += inputs[i] != 0 ? 1 : 0;
  }
  return drawn;
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
