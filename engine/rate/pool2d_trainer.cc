#include "engine/rate/pool2d_trainer.h"

#include <algorithm>

#include "engine/rate/kernels.h"
#include "engine/rate/pool2d.h"

namespace torpor {
namespace {

// Samples of one task.
constexpr Eigen::Index kSamples = 8;

template <typename Body>
void ForEachSample(ThreadPool* pool, Eigen::Index samples, Body body) {
  pool->ParallelFor(static_cast<int>((samples + kSamples - 1) / kSamples), [&](int block) {
    const Eigen::Index first = Eigen::Index{block} * kSamples;
    for (Eigen::Index p = first; p < std::min(first + kSamples, samples); ++p) body(p);
  });
}

}  // namespace

void Pool2dTrainer::Forward(const RateLayerParameters&, ConstMatrixView inputs, bool products_given,
                            bool, MatrixView outputs) {
  ForEachSample(context_->pool, inputs.rows(), [&](Eigen::Index p) {
    const std::span<const float> u = RowSpan(inputs, p);
    const std::span<float> x = RowSpan(outputs, p);
    if (products_given || shape_.kind == RateLayerKind::kFlatten) {
      std::copy(u.begin(), u.end(), x.begin());
    } else {
      PoolForward(shape_, u, x);
    }
  });
}

void Pool2dTrainer::Backward(const RateLayerParameters&, ConstMatrixView inputs,
                             ConstMatrixView outputs, ConstMatrixView delta,
                             v1::Activation::Kind below, MatrixView input_delta) {
  if (input_delta.size() == 0) return;
  ForEachSample(context_->pool, inputs.rows(), [&](Eigen::Index p) {
    const std::span<const float> u = RowSpan(inputs, p), d = RowSpan(delta, p);
    const std::span<float> out = RowSpan(input_delta, p);
    if (shape_.kind == RateLayerKind::kFlatten) {
      std::copy(d.begin(), d.end(), out.begin());
    } else {
      PoolBackward(shape_, u, RowSpan(outputs, p), d, out);
    }
    MultiplyBySlope(below, u, out);
  });
}

}  // namespace torpor
