// Average pooling of spikes. It has no neurons: what stands on it sees means.
//
// A pooled unit's value in a step is the spikes of its window, counted, times scale(). Spikes stay
// events: each is passed on as one of its pooled unit, which may then stand more than once in a
// step. The factor is left to whoever reads the events, for whom it is one number, the product over
// pools that follow each other: the synapses above are given scale times their weights, W' = s W.
// Then drive = W' counts is right as it is, InputErrors(W') are the errors of the counts, which
// BelowErrors takes, and the gradient of W is s times that of W'.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/gemm.h"
#include "engine/lif/layouts.h"
#include "engine/lif/spike_train.h"

namespace torpor {

struct LifPoolShape {
  LifImage below;
  // >= 1, no larger than the image.
  int kernel_height = 1;
  int kernel_width = 1;
  int stride_height = 1;
  int stride_width = 1;
};

// Windows that do not fit wholly are left out. Units in the family's order. Immutable; thread-safe.
class LifPooling {
 public:
  explicit LifPooling(const LifPoolShape& shape);

  const LifImage& below() const { return shape_.below; }
  const LifImage& pooled() const { return pooled_; }
  // 1 / units of a window.
  float scale() const;

  // The events of the pooled units, step by step, in the order of the spikes. `pooled` is another
  // list than `spikes`.
  void Pool(const LifSpikes& spikes, LifSpikes& pooled) const;
  // below_errors[n] = the adjoint: what the windows that see a unit have for errors, added up.
  // errors: [steps x pooled units]; below_errors: [steps x units below].
  void BelowErrors(ConstMatrixView errors, MatrixView below_errors) const;
  // For numbers instead of spikes: pooled[i] = their sum over window i.
  void PoolCurrents(std::span<const float> currents, std::span<float> pooled) const;

 private:
  // A unit that no window sees.
  static constexpr uint32_t kNone = ~uint32_t{0};
  bool Overlaps() const;

  LifPoolShape shape_;
  LifImage pooled_;
  // Of each unit below its pooled unit or kNone; where windows overlap, those of unit j are
  // targets_[begin_[j]..begin_[j + 1]).
  std::vector<uint32_t> begin_, targets_;
};

}  // namespace torpor
