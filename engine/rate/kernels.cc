#include "engine/rate/kernels.h"

#include <algorithm>
#include <cmath>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

TORPOR_SIMD void AddRow(const float* row, float u, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] += u * row[i];
}

TORPOR_SIMD void ScaleShift(float epsilon, const float* bias, int64_t n, float* s) {
  for (int64_t i = 0; i < n; ++i) s[i] = epsilon * s[i] + bias[i];
}

TORPOR_SIMD void ScaleShiftPlaces(float epsilon, const float* bias, int64_t units, int64_t places,
                                  float* s) {
  for (int64_t u = 0; u < units; ++u) {
    float* plane = s + u * places;
    for (int64_t i = 0; i < places; ++i) plane[i] = epsilon * plane[i] + bias[u];
  }
}

TORPOR_SIMD void Scale(float epsilon, int64_t n, float* s) {
  for (int64_t i = 0; i < n; ++i) s[i] *= epsilon;
}

TORPOR_SIMD float PlaneSum(const float* values, int64_t n) {
  constexpr int64_t kLanes = 16;
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) sums[k] += values[i + k];
  }
  for (int64_t k = 0; i < n; ++i, ++k) sums[k] += values[i];
  float total = 0;
  for (float sum : sums) total += sum;
  return total;
}

// Sixteen sums, so that additions need not wait for one another. Counts are whole numbers, whose
// sums are exact in double.
TORPOR_SIMD double SumNonZero(const float* u, const float* weights, int64_t n) {
  constexpr int64_t kLanes = 16;
  double sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) sums[k] += u[i + k] != 0 ? weights[i + k] : 0.0f;
  }
  for (int64_t k = 0; i < n; ++i, ++k) sums[k] += u[i] != 0 ? weights[i] : 0.0f;
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

TORPOR_SIMD void Rectify(const float* s, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = s[i] > 0 ? s[i] : 0.0f;
}

TORPOR_SIMD void MaskByFiring(const float* x, int64_t n, float* delta) {
  for (int64_t i = 0; i < n; ++i) delta[i] = x[i] > 0 ? delta[i] : 0.0f;
}

}  // namespace

void ScaleAndShift(float epsilon, std::span<const float> bias, float noise_scale,
                   std::span<const float> noise, std::span<float> s) {
  const int64_t n = static_cast<int64_t>(s.size());
  if (bias.empty()) {
    Scale(epsilon, n, s.data());
  } else {
    TORPOR_CHECK(s.size() % bias.size() == 0);
    const int64_t units = static_cast<int64_t>(bias.size());
    if (units == n) {
      ScaleShift(epsilon, bias.data(), n, s.data());
    } else {
      ScaleShiftPlaces(epsilon, bias.data(), units, n / units, s.data());
    }
  }
  if (!noise.empty()) AddRow(noise.data(), noise_scale, n, s.data());
}

void AddPlaneSums(std::span<const float> values, std::span<float> sums) {
  TORPOR_CHECK(!sums.empty() && values.size() % sums.size() == 0);
  const size_t places = values.size() / sums.size();
  for (size_t u = 0; u < sums.size(); ++u) {
    sums[u] += PlaneSum(values.data() + u * places, static_cast<int64_t>(places));
  }
}

double SumWhereNonZero(std::span<const float> u, std::span<const float> weights) {
  TORPOR_CHECK(u.size() == weights.size());
  return SumNonZero(u.data(), weights.data(), static_cast<int64_t>(u.size()));
}

void Activate(v1::Activation::Kind activation, std::span<const float> s, std::span<float> x) {
  switch (activation) {
    case v1::Activation::LINEAR:
      if (s.data() != x.data()) std::copy(s.begin(), s.end(), x.begin());
      return;
    case v1::Activation::RELU:
      Rectify(s.data(), static_cast<int64_t>(s.size()), x.data());
      return;
    case v1::Activation::SIGMOID:
      for (size_t i = 0; i < s.size(); ++i) x[i] = 1.0f / (1.0f + std::exp(-s[i]));
      return;
    case v1::Activation::TANH:
      for (size_t i = 0; i < s.size(); ++i) x[i] = std::tanh(s[i]);
      return;
    case v1::Activation::STEP:
      for (size_t i = 0; i < s.size(); ++i) x[i] = s[i] > 0 ? 1.0f : 0.0f;
      return;
    default:
      TORPOR_CHECK(false && "activation was validated");
  }
}

void MultiplyBySlope(v1::Activation::Kind activation, std::span<const float> x,
                     std::span<float> delta) {
  TORPOR_CHECK(x.size() == delta.size());
  switch (activation) {
    case v1::Activation::LINEAR:
      return;
    case v1::Activation::RELU:
      MaskByFiring(x.data(), static_cast<int64_t>(x.size()), delta.data());
      return;
    case v1::Activation::SIGMOID:
      for (size_t i = 0; i < x.size(); ++i) delta[i] *= x[i] * (1 - x[i]);
      return;
    case v1::Activation::TANH:
      for (size_t i = 0; i < x.size(); ++i) delta[i] *= 1 - x[i] * x[i];
      return;
    default:
      TORPOR_CHECK(false && "step activations are not trained");
  }
}

}  // namespace torpor
