#include "engine/rate/kernels.h"

#include <algorithm>
#include <cmath>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Inputs whose non-zero indices are held at once.
constexpr size_t kChunk = 1024;

// Four rows a pass, so that `out` is read and written once for four rows.
TORPOR_SIMD void AddFourRows(const float* r0, const float* r1, const float* r2, const float* r3,
                             const float* u, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    out[i] += (u[0] * r0[i] + u[1] * r1[i]) + (u[2] * r2[i] + u[3] * r3[i]);
  }
}

TORPOR_SIMD void AddRow(const float* row, float u, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] += u * row[i];
}

// Sixteen partial sums: one register of AVX-512, two of AVX, four of SSE. Named as a vector, since
// compilers do not find it in plain loops.
constexpr int64_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

// Four units at once, so that `u` is loaded once for four rows, and two sums each, so that
// additions need not wait for one another.
TORPOR_SIMD void FourDots(const float* __restrict m, int64_t stride, const float* __restrict u,
                          int64_t n, float* __restrict out) {
  Lanes sums[4] = {};
  Lanes more[4] = {};
  int64_t j = 0;
  for (; j + 2 * kLanes <= n; j += 2 * kLanes) {
    const Lanes x = *reinterpret_cast<const Lanes*>(u + j);
    const Lanes y = *reinterpret_cast<const Lanes*>(u + j + kLanes);
    for (int r = 0; r < 4; ++r) {
      const float* row = m + r * stride + j;
      sums[r] += *reinterpret_cast<const Lanes*>(row) * x;
      more[r] += *reinterpret_cast<const Lanes*>(row + kLanes) * y;
    }
  }
  for (int r = 0; r < 4; ++r) {
    const Lanes both = sums[r] + more[r];
    float sum = 0;
    for (int64_t k = 0; k < kLanes; ++k) sum += both[k];
    for (int64_t k = j; k < n; ++k) sum += m[r * stride + k] * u[k];
    out[r] = sum;
  }
}

TORPOR_SIMD float OneDot(const float* __restrict m, const float* __restrict u, int64_t n) {
  Lanes sums = {};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    sums += *reinterpret_cast<const Lanes*>(m + j) * *reinterpret_cast<const Lanes*>(u + j);
  }
  float sum = 0;
  for (int64_t k = 0; k < kLanes; ++k) sum += sums[k];
  for (; j < n; ++j) sum += m[j] * u[j];
  return sum;
}

TORPOR_SIMD void ScaleShift(float epsilon, const float* bias, int64_t n, float* s) {
  for (int64_t i = 0; i < n; ++i) s[i] = epsilon * s[i] + bias[i];
}

TORPOR_SIMD void Scale(float epsilon, int64_t n, float* s) {
  for (int64_t i = 0; i < n; ++i) s[i] *= epsilon;
}

TORPOR_SIMD void Rectify(const float* s, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = s[i] > 0 ? s[i] : 0.0f;
}

TORPOR_SIMD void MaskByFiring(const float* x, int64_t n, float* delta) {
  for (int64_t i = 0; i < n; ++i) delta[i] = x[i] > 0 ? delta[i] : 0.0f;
}

}  // namespace

void SparseProduct(ConstMatrixView m, std::span<const float> u, std::span<float> out) {
  TORPOR_CHECK(m.rows() == static_cast<int64_t>(u.size()) &&
               m.cols() == static_cast<int64_t>(out.size()));
  std::fill(out.begin(), out.end(), 0.0f);
  const int64_t n = m.cols();
  // Indices first, without branches: which inputs are zero cannot be predicted.
  int32_t index[kChunk];
  for (size_t first = 0; first < u.size(); first += kChunk) {
    const size_t count = std::min(kChunk, u.size() - first);
    size_t held = 0;
    for (size_t j = 0; j < count; ++j) {
      index[held] = static_cast<int32_t>(j);
      held += u[first + j] != 0 ? 1 : 0;
    }
    const float* top = m.data() + static_cast<int64_t>(first) * m.outerStride();
    auto row = [&](size_t k) { return top + index[k] * m.outerStride(); };
    size_t k = 0;
    for (; k + 4 <= held; k += 4) {
      const float values[4] = {u[first + static_cast<size_t>(index[k])],
                               u[first + static_cast<size_t>(index[k + 1])],
                               u[first + static_cast<size_t>(index[k + 2])],
                               u[first + static_cast<size_t>(index[k + 3])]};
      AddFourRows(row(k), row(k + 1), row(k + 2), row(k + 3), values, n, out.data());
    }
    for (; k < held; ++k) {
      AddRow(row(k), u[first + static_cast<size_t>(index[k])], n, out.data());
    }
  }
}

void ReferenceSparseProduct(ConstMatrixView m, std::span<const float> u, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < u.size(); ++j) {
      sum += static_cast<double>(m(static_cast<int64_t>(j), static_cast<int64_t>(i))) * u[j];
    }
    out[i] = static_cast<float>(sum);
  }
}

void DotProducts(ConstMatrixView m, std::span<const float> u, std::span<float> out) {
  TORPOR_CHECK(m.cols() == static_cast<int64_t>(u.size()) &&
               m.rows() == static_cast<int64_t>(out.size()));
  const int64_t stride = m.outerStride();
  if (m.rows() < 4) {
    for (Eigen::Index i = 0; i < m.rows(); ++i) {
      out[static_cast<size_t>(i)] = OneDot(m.data() + i * stride, u.data(), m.cols());
    }
    return;
  }
  // The last four overlap those before: a unit's sum does not depend on its company.
  for (Eigen::Index i = 0; i < m.rows(); i += 4) {
    const Eigen::Index first = std::min(i, m.rows() - 4);
    FourDots(m.data() + first * stride, stride, u.data(), m.cols(), out.data() + first);
  }
}

void ReferenceDotProducts(ConstMatrixView m, std::span<const float> u, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < u.size(); ++j) {
      sum += static_cast<double>(m(static_cast<int64_t>(i), static_cast<int64_t>(j))) * u[j];
    }
    out[i] = static_cast<float>(sum);
  }
}

void ScaleAndShift(float epsilon, std::span<const float> bias, float noise_scale,
                   std::span<const float> noise, std::span<float> s) {
  const int64_t n = static_cast<int64_t>(s.size());
  if (bias.empty()) {
    Scale(epsilon, n, s.data());
  } else {
    TORPOR_CHECK(bias.size() == s.size());
    ScaleShift(epsilon, bias.data(), n, s.data());
  }
  if (!noise.empty()) AddRow(noise.data(), noise_scale, n, s.data());
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
