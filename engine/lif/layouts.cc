#include "engine/lif/layouts.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/status.h"

namespace torpor {
namespace {

// to[c, r] = from[r, c]. In tiles, so that both sides stay in the cache.
void Transpose(int64_t rows, int64_t columns, const float* from, float* to) {
  constexpr int64_t kTile = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
    for (int64_t c0 = 0; c0 < columns; c0 += kTile) {
      for (int64_t r = r0; r < std::min(r0 + kTile, rows); ++r) {
        for (int64_t c = c0; c < std::min(c0 + kTile, columns); ++c) {
          to[c * rows + r] = from[r * columns + c];
        }
      }
    }
  }
}

void CheckSizes(int64_t expected, size_t from, size_t to) {
  TORPOR_CHECK(from == static_cast<size_t>(expected) && to == from);
}

}  // namespace

void ConvWeightsFromBorder(const LifConvShape& shape, std::span<const float> from,
                           std::span<float> to) {
  CheckSizes(shape.weights(), from.size(), to.size());
  Transpose(shape.channels, shape.window(), from.data(), to.data());
}

void ConvWeightsToBorder(const LifConvShape& shape, std::span<const float> from,
                         std::span<float> to) {
  CheckSizes(shape.weights(), from.size(), to.size());
  Transpose(shape.window(), shape.channels, from.data(), to.data());
}

void DenseWeightsFromBorder(int units, const LifImage& below, std::span<const float> from,
                            std::span<float> to) {
  const auto inputs = static_cast<size_t>(below.units());
  CheckSizes(int64_t{units} * below.units(), from.size(), to.size());
  const auto row = static_cast<size_t>(units);
  for (size_t u = 0; u < row; ++u) {
    for (size_t i = 0; i < inputs; ++i) {
      to[UnitOf(below, static_cast<uint32_t>(i)) * row + u] = from[u * inputs + i];
    }
  }
}

void DenseWeightsToBorder(int units, const LifImage& below, std::span<const float> from,
                          std::span<float> to) {
  const auto inputs = static_cast<size_t>(below.units());
  CheckSizes(int64_t{units} * below.units(), from.size(), to.size());
  const auto row = static_cast<size_t>(units);
  for (size_t u = 0; u < row; ++u) {
    for (size_t i = 0; i < inputs; ++i) {
      to[u * inputs + i] = from[UnitOf(below, static_cast<uint32_t>(i)) * row + u];
    }
  }
}

}  // namespace torpor
