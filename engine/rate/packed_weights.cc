#include "engine/rate/packed_weights.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "engine/base/simd.h"
#include "engine/base/status.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace torpor {
namespace {

constexpr int64_t kPanel = PackedWeights::kPanel;
constexpr int kLanes = 16;
constexpr int kVectors = kPanel / kLanes;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

// Inputs whose products make one chain of sums; the chains are added up. A tile of samples and so
// many inputs fit into the nearest cache.
constexpr int64_t kChain = 1024;
// Samples of a tile: with a panel's registers, 24 sums at once.
constexpr int64_t kTile = 8;
// Samples that stay in the second cache beside a panel.
constexpr int64_t kRows = 128;

// out [kRowsOfTile x kPanel]: a tile's chains over n inputs, in sums of kColumns vectors at a time
// (what the registers hold).
template <int kRowsOfTile, int kColumns>
[[gnu::always_inline]] inline void Tile(const float* u, int64_t stride, const float* w, int64_t n,
                                        float* out) {
  for (int first = 0; first < kVectors; first += kColumns) {
    Lanes sums[kRowsOfTile][kColumns] = {};
    for (int64_t j = 0; j < n; ++j) {
      const float* row = w + j * kPanel + first * kLanes;
      for (int r = 0; r < kRowsOfTile; ++r) {
        const float x = u[r * stride + j];
        for (int c = 0; c < kColumns; ++c) {
          sums[r][c] += x * *reinterpret_cast<const Lanes*>(row + c * kLanes);
        }
      }
    }
    for (int r = 0; r < kRowsOfTile; ++r) {
      for (int c = 0; c < kColumns; ++c) {
        *reinterpret_cast<Lanes*>(out + r * kPanel + (first + c) * kLanes) = sums[r][c];
      }
    }
  }
}

// A sample's chains over the inputs at `index`.
[[gnu::always_inline]] inline void Sparse(const float* values, const int32_t* index, int64_t held,
                                          const float* w, float* out) {
  Lanes sums[kVectors] = {};
  for (int64_t k = 0; k < held; ++k) {
    const float* row = w + index[k] * kPanel;
    for (int c = 0; c < kVectors; ++c) {
      sums[c] += values[k] * *reinterpret_cast<const Lanes*>(row + c * kLanes);
    }
  }
  for (int c = 0; c < kVectors; ++c) *reinterpret_cast<Lanes*>(out + c * kLanes) = sums[c];
}

// Tiles of at most kMost samples.
template <int kMost, int kColumns>
[[gnu::always_inline]] inline void Tiles(int64_t rows, const float* u, int64_t stride,
                                         const float* w, int64_t n, float* out) {
  while (rows > 0) {
    int64_t done = kMost;
    if (rows >= kMost) {
      Tile<kMost, kColumns>(u, stride, w, n, out);
    } else if (kMost > 4 && rows >= 4) {
      done = 4;
      Tile<4, kColumns>(u, stride, w, n, out);
    } else if (kMost > 2 && rows >= 2) {
      done = 2;
      Tile<2, kColumns>(u, stride, w, n, out);
    } else {
      done = 1;
      Tile<1, kColumns>(u, stride, w, n, out);
    }
    rows -= done;
    u += done * stride;
    out += done * kPanel;
  }
}

TORPOR_AVX512 void Avx512Tile(int64_t rows, const float* u, int64_t stride, const float* w,
                              int64_t n, float* out) {
  Tiles<8, 3>(rows, u, stride, w, n, out);
}
TORPOR_AVX2 void Avx2Tile(int64_t rows, const float* u, int64_t stride, const float* w, int64_t n,
                          float* out) {
  Tiles<4, 1>(rows, u, stride, w, n, out);
}
void BaseTile(int64_t rows, const float* u, int64_t stride, const float* w, int64_t n, float* out) {
  Tiles<2, 1>(rows, u, stride, w, n, out);
}

TORPOR_AVX512 void Avx512Sparse(const float* values, const int32_t* index, int64_t held,
                                const float* w, float* out) {
  Sparse(values, index, held, w, out);
}
TORPOR_AVX2 void Avx2Sparse(const float* values, const int32_t* index, int64_t held, const float* w,
                            float* out) {
  Sparse(values, index, held, w, out);
}
void BaseSparse(const float* values, const int32_t* index, int64_t held, const float* w,
                float* out) {
  Sparse(values, index, held, w, out);
}

// The kernels by the registers of each instruction set.
struct Kernels {
  void (*tile)(int64_t rows, const float* u, int64_t stride, const float* w, int64_t n, float* out);
  void (*sparse)(const float* values, const int32_t* index, int64_t held, const float* w,
                 float* out);
};

Kernels KernelsOf(Instructions with) {
  switch (with) {
    case Instructions::kAvx512:
      return {Avx512Tile, Avx512Sparse};
    case Instructions::kAvx2:
      return {Avx2Tile, Avx2Sparse};
    case Instructions::kBase:
      break;
  }
  return {BaseTile, BaseSparse};
}

// Adds a chain to a sum or, for the first one, starts it.
void Take(bool first, const float* chain, int64_t n, float* sums) {
  if (first) {
    std::copy(chain, chain + n, sums);
  } else {
    for (int64_t i = 0; i < n; ++i) sums[i] += chain[i];
  }
}

}  // namespace

void PackedWeights::Free::operator()(float* values) const { std::free(values); }

PackedWeights::PackedWeights(ConstMatrixView weights)
    : units_(weights.rows()), inputs_(weights.cols()) {
  // Large pages where the system has them: a panel's stream crosses many small ones.
  constexpr size_t kLargePage = size_t{2} << 20;
  const size_t bytes = static_cast<size_t>(panels() * kPanel * inputs_) * sizeof(float);
  const size_t alignment = bytes >= kLargePage ? kLargePage : 64;
  const size_t rounded = (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  // Advice: nothing depends on its being taken.
  if (bytes >= kLargePage) (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  values_.reset(static_cast<float*>(memory));
  for (int64_t p = 0; p < panels(); ++p) {
    float* to = values_.get() + p * inputs_ * kPanel;
    const int64_t width = std::min(kPanel, units_ - p * kPanel);
    for (int64_t j = 0; j < inputs_; ++j) {
      for (int64_t i = 0; i < width; ++i) to[j * kPanel + i] = weights(p * kPanel + i, j);
      std::fill(to + j * kPanel + width, to + (j + 1) * kPanel, 0.0f);
    }
  }
}

void PackedProduct(const PackedWeights& weights, ConstMatrixView inputs, MatrixView sums,
                   Instructions with) {
  TORPOR_CHECK(inputs.cols() == weights.inputs() && sums.cols() == weights.units() &&
               sums.rows() == inputs.rows());
  const Kernels kernels = KernelsOf(with);
  float out[kTile * kPanel];
  for (int64_t top = 0; top < inputs.rows(); top += kRows) {
    const int64_t bottom = std::min(top + kRows, inputs.rows());
    for (int64_t start = 0; start < weights.inputs(); start += kChain) {
      const int64_t length = std::min(kChain, weights.inputs() - start);
      for (int64_t p = 0; p < weights.panels(); ++p) {
        const int64_t width = std::min(kPanel, weights.units() - p * kPanel);
        for (int64_t i = top; i < bottom; i += kTile) {
          const int64_t rows = std::min(kTile, bottom - i);
          kernels.tile(rows, inputs.data() + i * inputs.outerStride() + start, inputs.outerStride(),
                       weights.panel(p) + start * kPanel, length, out);
          for (int64_t r = 0; r < rows; ++r) {
            Take(start == 0, out + r * kPanel, width,
                 sums.data() + (i + r) * sums.outerStride() + p * kPanel);
          }
        }
      }
    }
  }
}

void PackedProduct(const PackedWeights& weights, std::span<const float> inputs,
                   std::span<float> sums, Instructions with) {
  TORPOR_CHECK(static_cast<int64_t>(inputs.size()) == weights.inputs() &&
               static_cast<int64_t>(sums.size()) == weights.units());
  const Kernels kernels = KernelsOf(with);
  int32_t index[kChain];
  float values[kChain];
  float out[kPanel];
  for (int64_t start = 0; start < weights.inputs(); start += kChain) {
    const int64_t length = std::min(kChain, weights.inputs() - start);
    const float* u = inputs.data() + start;
    // Without branches: which inputs are zero cannot be predicted.
    int64_t held = 0;
    for (int64_t j = 0; j < length; ++j) {
      index[held] = static_cast<int32_t>(j);
      values[held] = u[j];
      held += u[j] != 0 ? 1 : 0;
    }
    for (int64_t p = 0; p < weights.panels(); ++p) {
      kernels.sparse(values, index, held, weights.panel(p) + start * kPanel, out);
      Take(start == 0, out, std::min(kPanel, weights.units() - p * kPanel),
           sums.data() + p * kPanel);
    }
  }
}

}  // namespace torpor
