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
  // Units that a pooled one sees.
  int window() const { return shape_.kernel_height * shape_.kernel_width; }
  // 1 / window().
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
  // The windows that see a row below, or a unit of a row: what the first adds to a pooled unit's
  // number, and how many follow each other.
  struct Seen {
    uint32_t first;
    uint32_t count;
  };
  bool Overlaps() const;
  // Where windows overlap: for each spike the pooled units whose windows see it, row by row.
  void PoolToMany(const LifSpikes& spikes, LifSpikes& pooled) const;

  LifPoolShape shape_;
  LifImage pooled_;
  // [rows below], [units of a row below]. Targets follow from them: a list of all would have an
  // entry for each place of each window.
  std::vector<Seen> rows_, columns_;
  // Where windows do not overlap, of each unit below its pooled unit or kNone: one look instead of
  // a division, several times as fast.
  std::vector<uint32_t> targets_;
};

}  // namespace torpor
