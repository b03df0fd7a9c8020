// A sample through a whole network and back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/simd.h"
#include "engine/lif/layer_pass.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/pass.h"

namespace torpor {

// Runs samples one after another, each from rest, and keeps what its way back needs. Weights come
// with each call, one entry a layer of the plan. A workspace: one a thread.
class LifNetworkPass final : public LifPass {
 public:
  // Changes the gradient of a layer's drive h [steps x units], before anything is made of it; of a
  // layer that integrates, that of its scores [1 x units]. Returns whether the way back goes on:
  // false leaves it there.
  using ErrorHook = std::function<bool(size_t layer, MatrixView errors)>;

  // `plan` outlives the pass.
  explicit LifNetworkPass(const LifPlan* plan, Instructions with = BestInstructions());

  // `input` is read by Backward again. Spikes have the plan's number of steps.
  void Forward(std::span<const LifWeights> weights, const LifInput& input);

  // Of the last Forward. [classes].
  std::span<const float> scores() const { return scores_; }
  // Gradients that a way back from there adds to: those of each event's weights; where inputs are
  // numbers, and of a layer that integrates, once for all steps.
  int64_t GradientOperations(size_t layer) const;

  // Adds the gradients of a loss to `gradients`, from that of the scores. Once a Forward. Without
  // any `gradients`, errors go back for the hook alone.
  void Backward(std::span<const LifWeights> weights, std::span<const float> score_errors,
                std::span<const LifGradients> gradients, const ErrorHook& hook = nullptr);
  // From the gradient of the last layer's spikes, where it spikes: fill this [steps x classes].
  MatrixView output_errors();
  void BackwardFromSpikes(std::span<const LifWeights> weights,
                          std::span<const LifGradients> gradients, const ErrorHook& hook = nullptr);

 private:
  // What a stage keeps for its way back.
  struct Errors {
    // Gradient of its inputs, and of what lies before each of its pools; one row or one a step.
    LifTile inputs;
    std::vector<LifTile> below_pools;
  };

  void Integrate(const Stage& stage, const LifWeights& weights);
  void CountSpikes(const LifSpikes& spikes);
  // Of the last stage. Whether the way back goes on.
  bool BackIntegrate(const LifWeights& weights, std::span<const float> score_errors,
                     std::span<const LifGradients> gradients, const ErrorHook& hook);
  // From the gradient of the spikes of stage `top`, down to the input.
  void BackFrom(size_t top, LifSpikeErrors errors, std::span<const LifWeights> weights,
                std::span<const LifGradients> gradients, const ErrorHook& hook);
  // The gradient of the spikes that the pools of stage `s` started from, of errors_[s].inputs.
  const LifTile& BelowPools(size_t s);

  // [stages].
  std::vector<LifLayerState> states_;
  std::vector<Errors> errors_;
  std::vector<float> scores_;
  // k[t] of the layer that integrates [steps], and their sum.
  std::vector<float> kernel_;
  float kernel_sum_ = 0;
  // [inputs of that layer]: what its weights are multiplied with.
  std::vector<float> sums_;
  std::vector<float> score_errors_;
  LifTile output_errors_;
  std::vector<float> ones_;
};

}  // namespace torpor
