// Errors of a training in integers, on one scale for each layer of a batch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/lif/batch_pass.h"
#include "engine/lif/training_settings.h"

namespace torpor {

// WAGE divides a layer's errors by 2^round(log2 max) of all of them, which are a batch's (Wu et
// al., 2018, quantisation of errors): beside a sample that is far off, one that is nearly
// right then has errors of nearly 0. A scale of each sample's own would make them as large. Right
// test images of MNIST after 5 epochs of 784-200-10 (latency code, 25 steps, batches of 32, 8 bits
// of membranes, gradients and errors; learning rates 1, 4, 16):
//
//   weights of    scales of samples        of the batch
//   8 bits        81.1 %  83.9 %  84.2 %   94.8 %  96.9 %  97.7 %
//   4 bits        83.2 %  81.7 %  82.6 %   94.9 %  97.2 %  97.7 %
//
// The scale of a layer needs the rounded errors of all layers above it, of the whole batch, so it
// takes a way there and back for each layer before the one that learns; nothing is kept between
// them, and a maximum does not depend on threads. A batch of one sample takes the last alone.
// Not thread-safe but for hooks.
class LifIntegerErrors {
 public:
  // `seed`: of the rounding.
  LifIntegerErrors(const LifPlan* plan, const LifIntegers& integers, uint64_t seed);

  // A sample's way back after its Forward, through `hook` and with empty gradients. Called on any
  // thread, several at once.
  using Back = std::function<void(int64_t sample, LifNetworkPass& pass,
                                  const LifNetworkPass::ErrorHook& hook)>;
  // Finds the scales of the batch of update `step`.
  void Measure(std::span<const LifWeights> weights, std::span<const LifInput> samples, int64_t step,
               LifBatchPass& pass, const Back& back);
  // Brings errors of a measured batch's sample to their bits.
  LifNetworkPass::ErrorHook Rounding(int64_t sample) const;

 private:
  void Round(size_t layer, int64_t sample, MatrixView errors) const;

  const LifPlan* plan_;
  LifIntegers integers_;
  uint64_t seed_;
  int64_t step_ = 0;
  // [layers]; empty: of each sample's own.
  std::vector<float> shifts_;
};

}  // namespace torpor
