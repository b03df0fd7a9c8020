// What the neurons of one layer go through in one sample: a row a step, a column a neuron.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/base/gemm.h"
#include "engine/lif/aligned_floats.h"

namespace torpor {

// Neurons that the kernels take at once; rows are padded to whole blocks.
inline constexpr int kLifBlock = 16;

inline int PaddedUnits(int units) { return (units + kLifBlock - 1) / kLifBlock * kLifBlock; }

// [steps x units] in rows of whole cache lines. The padding is computed like neurons without input:
// its drive is 0, which Clear sees to, and it never spikes.
class LifTile {
 public:
  // Contents are lost where the shape changes.
  void Resize(int steps, int units) {
    if (steps == steps_ && units == units_) return;
    steps_ = steps;
    units_ = units;
    stride_ = PaddedUnits(units);
    values_.assign(static_cast<size_t>(steps) * static_cast<size_t>(stride_), 0.0f);
  }
  void Clear() { std::fill(values_.begin(), values_.end(), 0.0f); }
  int steps() const { return steps_; }
  int units() const { return units_; }
  int64_t stride() const { return stride_; }
  float* row(int step) { return values_.data() + step * stride_; }
  const float* row(int step) const { return values_.data() + step * stride_; }
  MatrixView View() { return Rows(0, steps_); }
  ConstMatrixView View() const { return Rows(0, steps_); }
  MatrixView Rows(int first, int count) {
    return {row(first), count, units_, Eigen::OuterStride<>(stride_)};
  }
  ConstMatrixView Rows(int first, int count) const {
    return {row(first), count, units_, Eigen::OuterStride<>(stride_)};
  }

 private:
  int steps_ = 0;
  int units_ = 0;
  int64_t stride_ = 0;
  AlignedFloats values_;
};

}  // namespace torpor
