// The biases of a single layer that minimise its training loss while its weights stand scaled: the
// exact end of bias tuning (C. Merkel, "Synaptic Scaling and Optimal Bias Adjustments for Power
// Reduction in Neuromorphic Systems", figure 4, dotted line), where stochastic descent only comes
// near.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/gemm.h"
#include "engine/base/thread_pool.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// More outputs than CE's joint step is solved for: its matrix has their square.
inline constexpr int kMaxJointOutputs = 1024;

// What the biases are sought for.
struct OptimalBiasProblem {
  v1::Loss::Kind loss = v1::Loss::BCE;
  // Of the outputs. BCE needs SIGMOID; MSE any pointwise function with a slope; with CE it plays no
  // part.
  v1::Activation::Kind activation = v1::Activation::SIGMOID;
  // Scaled weights times inputs, without bias [samples x outputs], samples >= 1. The caller's.
  ConstMatrixView products;
  // [samples], each in 0..outputs-1.
  std::span<const int32_t> labels;
  // [outputs].
  std::span<const float> start;
};

struct OptimalBias {
  // [outputs].
  std::vector<float> bias;
  // Mean loss a sample at the start and at the end.
  double start_loss = 0;
  double loss = 0;
};

// The minimum over the biases c of the mean loss at scores products + c. Sums are in double and in
// a fixed order, so the bits do not depend on the pool.
//   BCE  separates by output: Newton's method in one dimension on a convex function, each step at
//        most 1 and halved until the loss falls.
//   MSE  separates by output, but behind a sigmoid it is not convex: the loss is measured on 65
//        points that span all scores and on 65 between the neighbours of the lowest; the same
//        descent goes on from the lowest of all and the start. It ends in a minimum, in the lowest
//        one unless that is narrower than the spacing.
//   CE   one Newton step for all outputs together, at most 1 in each. The loss does not change
//   along
//        (1, ..., 1): the mean of the biases stays that of the start.
// Ends where every derivative is below 1e-9 a sample. An output whose class no sample has (or all
// have) would go to infinity under BCE and CE; it ends there too, far in the tail. CE has at most
// kMaxJointOutputs outputs. CANCELLED as the cancellation says.
absl::StatusOr<OptimalBias> FindOptimalBias(const OptimalBiasProblem& problem, ThreadPool* pool,
                                            const Cancellation& cancellation);

}  // namespace torpor
