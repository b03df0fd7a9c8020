// Products with a matrix whose rows overlap in memory: convolution without copying windows.
//
// Row k of X [rows x n] is the n floats from base + offsets[k]. In an image a kernel's tap (i, j)
// sees, for all places at once, the image itself shifted by i rows and j columns; only its offset
// differs.
#pragma once

#include <cstdint>
#include <span>

namespace torpor {

// Floats of one vector: n is processed in multiples of it.
inline constexpr int64_t kWindowLanes = 16;
inline constexpr int64_t RoundUpToLanes(int64_t n) {
  return (n + kWindowLanes - 1) / kWindowLanes * kWindowLanes;
}

// out = W X for W [units x rows] row by row; row u of `out` begins at out + u * stride. Reads and
// writes RoundUpToLanes(n) floats a row. Each value is summed over k in order: its bits depend on
// nothing else.
void WindowProduct(const float* weight, int64_t units, const float* base,
                   std::span<const int32_t> offsets, int64_t n, float* out, int64_t stride);
// The plain loop that the tests compare with.
void ReferenceWindowProduct(const float* weight, int64_t units, const float* base,
                            std::span<const int32_t> offsets, int64_t n, float* out,
                            int64_t stride);

// Several samples' images and deltas at fixed distances.
struct WindowSamples {
  int64_t count = 0;
  const float* images = nullptr;
  int64_t image_stride = 0;
  // Row u of a sample's delta begins at deltas + u * delta_row. Zero from n to RoundUpToLanes(n).
  const float* deltas = nullptr;
  int64_t delta_stride = 0;
  int64_t delta_row = 0;
};

// gradient += sum over samples of delta X^T; gradient [units x rows]. Reads RoundUpToLanes(n)
// floats a row; those of X must be finite.
void WindowGradient(const WindowSamples& samples, int64_t units, std::span<const int32_t> offsets,
                    int64_t n, float* gradient);
// The plain loop that the tests compare with.
void ReferenceWindowGradient(const WindowSamples& samples, int64_t units,
                             std::span<const int32_t> offsets, int64_t n, float* gradient);

}  // namespace torpor
