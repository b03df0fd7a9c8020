#include "engine/rate/dot_products.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Sixteen partial sums: one register of AVX-512, two of AVX, four of SSE. Named as a vector, since
// compilers do not find it in plain loops.
constexpr int64_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
typedef float EightLanes __attribute__((vector_size(8 * sizeof(float))));
typedef float FourLanes __attribute__((vector_size(4 * sizeof(float))));

struct Operands {
  const float* weights;
  int64_t weight_stride;
  const float* inputs;
  int64_t input_stride;
  // Terms of each sum.
  int64_t terms;
  float* sums;
  int64_t sum_stride;
};

// Samples s.. and units i.. at once, so that each value is loaded once for several sums, which need
// not wait for one another.
template <int kSamples, int kUnits>
[[gnu::always_inline]] inline void Tile(const Operands& of, int64_t s, int64_t i) {
  const float* u = of.inputs + s * of.input_stride;
  const float* w = of.weights + i * of.weight_stride;
  Lanes sums[kSamples][kUnits];
  for (auto& of_sample : sums) {
    for (Lanes& sum : of_sample) sum = Lanes{};
  }
  int64_t j = 0;
  for (; j + kLanes <= of.terms; j += kLanes) {
    for (int b = 0; b < kUnits; ++b) {
      const Lanes weight = *reinterpret_cast<const Lanes*>(w + b * of.weight_stride + j);
      for (int a = 0; a < kSamples; ++a) {
        sums[a][b] += weight * *reinterpret_cast<const Lanes*>(u + a * of.input_stride + j);
      }
    }
  }
  if (j < of.terms) {
    // The rest in the same form, filled up with zeros: every tile sums alike.
    const size_t rest = static_cast<size_t>(of.terms - j) * sizeof(float);
    Lanes values[kSamples] = {};
    for (int a = 0; a < kSamples; ++a) std::memcpy(&values[a], u + a * of.input_stride + j, rest);
    for (int b = 0; b < kUnits; ++b) {
      Lanes weight = {};
      std::memcpy(&weight, w + b * of.weight_stride + j, rest);
      for (int a = 0; a < kSamples; ++a) sums[a][b] += weight * values[a];
    }
  }
  for (int a = 0; a < kSamples; ++a) {
    for (int b = 0; b < kUnits; ++b) {
      const Lanes all = sums[a][b];
      const EightLanes eight = __builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7) +
                               __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
      const FourLanes four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                             __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
      of.sums[(s + a) * of.sum_stride + i + b] = (four[0] + four[2]) + (four[1] + four[3]);
    }
  }
}

template <int kSamples, int kUnits>
[[gnu::always_inline]] inline void Tiles(const Operands& of, int64_t s, int64_t units) {
  if (units < kUnits) {
    for (int64_t i = 0; i < units; ++i) Tile<kSamples, 1>(of, s, i);
    return;
  }
  // The last units overlap those before: a sum does not depend on its company.
  for (int64_t i = 0; i < units; i += kUnits) {
    Tile<kSamples, kUnits>(of, s, std::min(i, units - kUnits));
  }
}

template <int kSamples, int kUnits>
[[gnu::always_inline]] inline void Product(const Operands& of, int64_t samples, int64_t units) {
  int64_t s = 0;
  for (; s + kSamples <= samples; s += kSamples) Tiles<kSamples, kUnits>(of, s, units);
  for (; s < samples; ++s) Tiles<1, kUnits>(of, s, units);
}

// As many sums at once as the registers of each instruction set hold.
TORPOR_AVX512 void Avx512Product(const Operands& of, int64_t samples, int64_t units) {
  Product<4, 5>(of, samples, units);
}
TORPOR_AVX2 void Avx2Product(const Operands& of, int64_t samples, int64_t units) {
  Product<2, 2>(of, samples, units);
}
void BaseProduct(const Operands& of, int64_t samples, int64_t units) {
  Product<1, 2>(of, samples, units);
}

}  // namespace

void DotProducts(ConstMatrixView weights, ConstMatrixView inputs, MatrixView sums,
                 Instructions with) {
  TORPOR_CHECK(weights.cols() == inputs.cols() && sums.rows() == inputs.rows() &&
               sums.cols() == weights.rows());
  const Operands of{.weights = weights.data(),
                    .weight_stride = weights.outerStride(),
                    .inputs = inputs.data(),
                    .input_stride = inputs.outerStride(),
                    .terms = weights.cols(),
                    .sums = sums.data(),
                    .sum_stride = sums.outerStride()};
  switch (with) {
    case Instructions::kAvx512:
      return Avx512Product(of, inputs.rows(), weights.rows());
    case Instructions::kAvx2:
      return Avx2Product(of, inputs.rows(), weights.rows());
    case Instructions::kBase:
      return BaseProduct(of, inputs.rows(), weights.rows());
  }
}

void ReferenceProduct(ConstMatrixView weights, ConstMatrixView inputs, MatrixView sums) {
  for (Eigen::Index s = 0; s < inputs.rows(); ++s) {
    for (Eigen::Index i = 0; i < weights.rows(); ++i) {
      double sum = 0;
      for (Eigen::Index j = 0; j < weights.cols(); ++j) {
        sum += static_cast<double>(weights(i, j)) * inputs(s, j);
      }
      sums(s, i) = static_cast<float>(sum);
    }
  }
}

}  // namespace torpor
