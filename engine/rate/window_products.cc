#include "engine/rate/window_products.h"

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

typedef float Lanes
    __attribute__((vector_size(kWindowLanes * sizeof(float)), aligned(4), may_alias));

#define TORPOR_ALWAYS_INLINE inline __attribute__((always_inline))

// The next group of `left` items that come at most `most` at a time, in groups of nearly one size.
TORPOR_ALWAYS_INLINE int64_t Group(int64_t left, int64_t most) {
  const int64_t groups = (left + most - 1) / most;
  return (left + groups - 1) / groups;
}

// kUnits x kVectors sums stay in registers while all rows pass.
template <int kUnits, int kVectors>
TORPOR_ALWAYS_INLINE void ProductTile(const float* __restrict weight, int64_t rows,
                                      const float* __restrict base,
                                      const int32_t* __restrict offsets, float* __restrict out,
                                      int64_t stride) {
  Lanes sums[kUnits][kVectors] = {};
  for (int64_t k = 0; k < rows; ++k) {
    const float* row = base + offsets[k];
    Lanes x[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      x[v] = *reinterpret_cast<const Lanes*>(row + v * kWindowLanes);
    }
    for (int u = 0; u < kUnits; ++u) {
      const float w = weight[u * rows + k];
      for (int v = 0; v < kVectors; ++v) sums[u][v] += w * x[v];
    }
  }
  for (int u = 0; u < kUnits; ++u) {
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<Lanes*>(out + u * stride + v * kWindowLanes) = sums[u][v];
    }
  }
}

template <int kVectors>
TORPOR_ALWAYS_INLINE void ProductColumns(const float* weight, int64_t units, int64_t rows,
                                         const float* base, const int32_t* offsets, float* out,
                                         int64_t stride) {
  for (int64_t u = 0; u < units;) {
    const int64_t group = Group(units - u, 6);
    const float* w = weight + u * rows;
    float* o = out + u * stride;
    switch (group) {
      case 1:
        ProductTile<1, kVectors>(w, rows, base, offsets, o, stride);
        break;
      case 2:
        ProductTile<2, kVectors>(w, rows, base, offsets, o, stride);
        break;
      case 3:
        ProductTile<3, kVectors>(w, rows, base, offsets, o, stride);
        break;
      case 4:
        ProductTile<4, kVectors>(w, rows, base, offsets, o, stride);
        break;
      case 5:
        ProductTile<5, kVectors>(w, rows, base, offsets, o, stride);
        break;
      default:
        ProductTile<6, kVectors>(w, rows, base, offsets, o, stride);
        break;
    }
    u += group;
  }
}

TORPOR_SIMD void Product(const float* weight, int64_t units, const float* base,
                         const int32_t* offsets, int64_t rows, int64_t n, float* out,
                         int64_t stride) {
  int64_t p = 0;
  for (; p + kWindowLanes < n; p += 2 * kWindowLanes) {
    ProductColumns<2>(weight, units, rows, base + p, offsets, out + p, stride);
  }
  if (p < n) ProductColumns<1>(weight, units, rows, base + p, offsets, out + p, stride);
}

// kUnits x kTaps dot products over the places of all samples.
template <int kUnits, int kTaps>
TORPOR_ALWAYS_INLINE void GradientTile(const WindowSamples& samples, const float* deltas,
                                       const int32_t* __restrict offsets, int64_t n,
                                       float* __restrict gradient, int64_t rows) {
  Lanes sums[kUnits][kTaps] = {};
  for (int64_t s = 0; s < samples.count; ++s) {
    const float* image = samples.images + s * samples.image_stride;
    const float* delta = deltas + s * samples.delta_stride;
    for (int64_t p = 0; p < n; p += kWindowLanes) {
      Lanes x[kTaps];
      for (int t = 0; t < kTaps; ++t) {
        x[t] = *reinterpret_cast<const Lanes*>(image + offsets[t] + p);
      }
      for (int u = 0; u < kUnits; ++u) {
        const Lanes d = *reinterpret_cast<const Lanes*>(delta + u * samples.delta_row + p);
        for (int t = 0; t < kTaps; ++t) sums[u][t] += d * x[t];
      }
    }
  }
  for (int u = 0; u < kUnits; ++u) {
    for (int t = 0; t < kTaps; ++t) {
      float half[8];
      for (int i = 0; i < 8; ++i) half[i] = sums[u][t][i] + sums[u][t][i + 8];
      gradient[u * rows + t] +=
          ((half[0] + half[4]) + (half[2] + half[6])) + ((half[1] + half[5]) + (half[3] + half[7]));
    }
  }
}

template <int kUnits>
TORPOR_ALWAYS_INLINE void GradientRows(const WindowSamples& samples, const float* deltas,
                                       const int32_t* offsets, int64_t rows, int64_t n,
                                       float* gradient) {
  int64_t k = 0;
  for (; k + 4 <= rows; k += 4) {
    GradientTile<kUnits, 4>(samples, deltas, offsets + k, n, gradient + k, rows);
  }
  for (; k < rows; ++k) {
    GradientTile<kUnits, 1>(samples, deltas, offsets + k, n, gradient + k, rows);
  }
}

TORPOR_SIMD void Gradient(const WindowSamples& samples, int64_t units, const int32_t* offsets,
                          int64_t rows, int64_t n, float* gradient) {
  for (int64_t u = 0; u < units;) {
    const int64_t group = Group(units - u, 4);
    const float* deltas = samples.deltas + u * samples.delta_row;
    float* g = gradient + u * rows;
    switch (group) {
      case 1:
        GradientRows<1>(samples, deltas, offsets, rows, n, g);
        break;
      case 2:
        GradientRows<2>(samples, deltas, offsets, rows, n, g);
        break;
      case 3:
        GradientRows<3>(samples, deltas, offsets, rows, n, g);
        break;
      default:
        GradientRows<4>(samples, deltas, offsets, rows, n, g);
        break;
    }
    u += group;
  }
}

#undef TORPOR_ALWAYS_INLINE

}  // namespace

void WindowProduct(const float* weight, int64_t units, const float* base,
                   std::span<const int32_t> offsets, int64_t n, float* out, int64_t stride) {
  TORPOR_CHECK(stride >= RoundUpToLanes(n));
  Product(weight, units, base, offsets.data(), static_cast<int64_t>(offsets.size()), n, out,
          stride);
}

void ReferenceWindowProduct(const float* weight, int64_t units, const float* base,
                            std::span<const int32_t> offsets, int64_t n, float* out,
                            int64_t stride) {
  const int64_t rows = static_cast<int64_t>(offsets.size());
  for (int64_t u = 0; u < units; ++u) {
    for (int64_t p = 0; p < n; ++p) {
      double sum = 0;
      for (int64_t k = 0; k < rows; ++k) {
        sum +=
            static_cast<double>(weight[u * rows + k]) * base[offsets[static_cast<size_t>(k)] + p];
      }
      out[u * stride + p] = static_cast<float>(sum);
    }
  }
}

void WindowGradient(const WindowSamples& samples, int64_t units, std::span<const int32_t> offsets,
                    int64_t n, float* gradient) {
  TORPOR_CHECK(samples.delta_row >= RoundUpToLanes(n) || units == 1);
  Gradient(samples, units, offsets.data(), static_cast<int64_t>(offsets.size()), n, gradient);
}

void ReferenceWindowGradient(const WindowSamples& samples, int64_t units,
                             std::span<const int32_t> offsets, int64_t n, float* gradient) {
  const int64_t rows = static_cast<int64_t>(offsets.size());
  for (int64_t u = 0; u < units; ++u) {
    for (int64_t k = 0; k < rows; ++k) {
      double sum = gradient[u * rows + k];
      for (int64_t s = 0; s < samples.count; ++s) {
        const float* x =
            samples.images + s * samples.image_stride + offsets[static_cast<size_t>(k)];
        const float* delta = samples.deltas + s * samples.delta_stride + u * samples.delta_row;
        for (int64_t p = 0; p < n; ++p) sum += static_cast<double>(delta[p]) * x[p];
      }
      gradient[u * rows + k] = static_cast<float>(sum);
    }
  }
}

}  // namespace torpor
