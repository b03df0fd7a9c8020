#include "engine/truenorth/soft_rows.h"

#include "engine/base/simd.h"

namespace torpor {

TORPOR_SIMD void ClampedInputs(const float* __restrict from, int64_t n, bool probability,
                               float* __restrict x, float* __restrict second) {
  for (int64_t i = 0; i < n; ++i) {
    const float value = from[i] > 0 ? (from[i] < 1 ? from[i] : 1.0f) : 0.0f;
    x[i] = value;
    second[i] = probability ? value * value : value - value * value;
  }
}

TORPOR_SIMD void BinarySites(const float* __restrict c, const float* __restrict s, int64_t n,
                             float* __restrict w, float* __restrict ws) {
  for (int64_t i = 0; i < n; ++i) {
    const float on = c[i] > 0.5f ? s[i] : 0.0f;
    w[i] = on;
    ws[i] = on * s[i];
  }
}

TORPOR_SIMD void ProbableSites(const float* __restrict c, const float* __restrict s, int64_t n,
                               float* __restrict w, float* __restrict ws,
                               float* __restrict squared) {
  for (int64_t i = 0; i < n; ++i) {
    const float on = c[i] * s[i];
    w[i] = on;
    ws[i] = on * s[i];
    squared[i] = -(on * on);
  }
}

TORPOR_SIMD void MultiplyRow(const float* __restrict factor, int64_t n, float* __restrict values) {
  for (int64_t i = 0; i < n; ++i) values[i] *= factor[i];
}

TORPOR_SIMD void AddTwiceProduct(const float* __restrict x, const float* __restrict y, int64_t n,
                                 float* __restrict out) {
  for (int64_t i = 0; i < n; ++i) out[i] += 2.0f * x[i] * y[i];
}

TORPOR_SIMD void ProbabilityGradient(const float* __restrict c, const float* __restrict s,
                                     const float* __restrict first, const float* __restrict second,
                                     int64_t n, float* __restrict mean) {
  for (int64_t i = 0; i < n; ++i) {
    mean[i] = s[i] * mean[i] + s[i] * s[i] * (first[i] - 2.0f * c[i] * second[i]);
  }
}

TORPOR_SIMD void AddRow(const float* __restrict values, int64_t n, float* __restrict sums) {
  for (int64_t i = 0; i < n; ++i) sums[i] += values[i];
}

TORPOR_SIMD void ClampToUnit(int64_t n, float* __restrict values) {
  for (int64_t i = 0; i < n; ++i) {
    values[i] = values[i] > 0 ? (values[i] < 1 ? values[i] : 1.0f) : 0.0f;
  }
}

TORPOR_SIMD void MoveAverage(const float* __restrict values, float share, int64_t n,
                             float* __restrict average) {
  for (int64_t i = 0; i < n; ++i) average[i] += share * (values[i] - average[i]);
}

}  // namespace torpor
