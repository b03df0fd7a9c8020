#include "engine/lif/network_pass.h"

#include <algorithm>
#include <numeric>

#include "engine/base/status.h"
#include "engine/lif/readout.h"

namespace torpor {

LifNetworkPass::LifNetworkPass(const LifPlan* plan, Instructions with)
    : LifPass(plan, with), states_(stages_.size()), errors_(stages_.size()) {
  TORPOR_CHECK(plan->steps >= 1);
  for (size_t s = 0; s < stages_.size(); ++s) {
    errors_[s].below_pools.resize(stages_[s].pools.size());
  }
  const LifLayerPlan& last = plan->layers.back();
  scores_.resize(static_cast<size_t>(last.synapses->outputs()));
  ones_.assign(static_cast<size_t>(plan->steps), 1.0f);
  if (plan->integrates) {
    kernel_ = MeanKernel(last.neuron, plan->order, plan->steps);
    kernel_sum_ = std::accumulate(kernel_.begin(), kernel_.end(), 0.0f);
  }
}

void LifNetworkPass::Forward(std::span<const LifWeights> weights, const LifInput& input) {
  TORPOR_CHECK(weights.size() == plan_->layers.size() &&
               (input.spikes == nullptr || input.spikes->steps() == plan_->steps));
  Begin(plan_->steps);
  LifInput below = input;
  for (size_t s = 0; s < stages_.size(); ++s) {
    Stage& stage = stages_[s];
    stage.input = pools_.Pool(stage, below);
    if (!stage.spikes) {
      Integrate(stage, weights[stage.layer]);
      return;
    }
    states_[s].Reset(LayerOf(stage).synapses->outputs());
    stage.pass->Forward(weights[stage.layer], stage.input, stage.scale, plan_->steps, states_[s]);
    below = {&stage.pass->spikes(), {}};
  }
  CountSpikes(*below.spikes);
}

void LifNetworkPass::CountSpikes(const LifSpikes& spikes) {
  std::fill(scores_.begin(), scores_.end(), 0.0f);
  for (const uint32_t i : spikes.index) scores_[i] += 1;
}

void LifNetworkPass::Integrate(const Stage& stage, const LifWeights& weights) {
  const LifSynapses& synapses = *LayerOf(stage).synapses;
  sums_.assign(static_cast<size_t>(synapses.inputs()), 0.0f);
  if (stage.input.spikes != nullptr) {
    for (int n = 0; n < plan_->steps; ++n) {
      const float k = kernel_[static_cast<size_t>(n)];
      for (const uint32_t j : stage.input.spikes->At(n)) sums_[j] += k;
    }
  } else {
    for (size_t j = 0; j < sums_.size(); ++j) sums_[j] = kernel_sum_ * stage.input.currents[j];
  }
  if (stage.scale != 1) {
    for (float& sum : sums_) sum *= stage.scale;
  }
  std::fill(scores_.begin(), scores_.end(), 0.0f);
  synapses.AddCurrentDrive(weights.input, sums_, scores_);
}

int64_t LifNetworkPass::GradientOperations(size_t layer) const {
  const Stage* stage = Find(layer);
  if (stage == nullptr) return 0;
  const LifLayerPlan& plan = LayerOf(*stage);
  if (!stage->spikes) return plan.synapses->Operations(sums_);
  const int64_t of_inputs = stage->input.spikes != nullptr
                                ? plan.synapses->Operations(*stage->input.spikes)
                                : plan.synapses->Operations(stage->input.currents);
  const int64_t of_own =
      plan.recurrent == nullptr ? 0 : Heard(layer).size() * plan.recurrent->outputs();
  return of_inputs + of_own;
}

void LifNetworkPass::Backward(std::span<const LifWeights> weights,
                              std::span<const float> score_errors,
                              std::span<const LifGradients> gradients, const ErrorHook& hook) {
  TORPOR_CHECK(score_errors.size() == scores_.size() &&
               (gradients.empty() || gradients.size() == plan_->layers.size()));
  const size_t last = stages_.size() - 1;
  if (!plan_->integrates) {
    // Every spike counts alike.
    output_errors_.Resize(1, static_cast<int>(scores_.size()));
    std::copy(score_errors.begin(), score_errors.end(), output_errors_.row(0));
    BackFrom(last, LifSpikeErrors::Repeated(output_errors_, ones_), weights, gradients, hook);
    return;
  }
  const LifWeights& read_out = weights[stages_[last].layer];
  if (BackIntegrate(read_out, score_errors, gradients, hook) && last > 0) {
    BackFrom(last - 1, LifSpikeErrors::Repeated(BelowPools(last), kernel_), weights, gradients,
             hook);
  }
}

MatrixView LifNetworkPass::output_errors() {
  TORPOR_CHECK(!plan_->integrates);
  output_errors_.Resize(plan_->steps, static_cast<int>(scores_.size()));
  return output_errors_.View();
}

void LifNetworkPass::BackwardFromSpikes(std::span<const LifWeights> weights,
                                        std::span<const LifGradients> gradients,
                                        const ErrorHook& hook) {
  TORPOR_CHECK(!plan_->integrates && output_errors_.steps() == plan_->steps &&
               (gradients.empty() || gradients.size() == plan_->layers.size()));
  BackFrom(stages_.size() - 1, LifSpikeErrors::Of(output_errors_, ones_), weights, gradients, hook);
}

// Scores are sums_ W, and sums_ are the inputs' spikes weighted by the kernel.
bool LifNetworkPass::BackIntegrate(const LifWeights& weights, std::span<const float> score_errors,
                                   std::span<const LifGradients> gradients, const ErrorHook& hook) {
  const Stage& stage = stages_.back();
  score_errors_.assign(score_errors.begin(), score_errors.end());
  const int classes = static_cast<int>(score_errors_.size());
  const MatrixView errors(score_errors_.data(), 1, classes, Eigen::OuterStride<>(classes));
  if (hook && !hook(stage.layer, errors)) return false;
  const LifSynapses& synapses = *LayerOf(stage).synapses;
  if (!gradients.empty()) {
    synapses.AddCurrentGradient(sums_, score_errors_, gradients[stage.layer].input);
  }
  if (stages_.size() == 1) return true;
  if (stage.scale != 1) {
    for (float& error : score_errors_) error *= stage.scale;
  }
  LifTile& input_errors = errors_.back().inputs;
  input_errors.Resize(1, synapses.inputs());
  synapses.InputErrors(weights.input,
                       {score_errors_.data(), 1, classes, Eigen::OuterStride<>(classes)},
                       input_errors.View());
  return true;
}

void LifNetworkPass::BackFrom(size_t top, LifSpikeErrors errors,
                              std::span<const LifWeights> weights,
                              std::span<const LifGradients> gradients, const ErrorHook& hook) {
  for (size_t s = top + 1; s-- > 0;) {
    Stage& stage = stages_[s];
    stage.pass->Backward(weights[stage.layer], plan_->surrogate, errors);
    if (hook && !hook(stage.layer, stage.pass->tile().View())) return;
    if (!gradients.empty()) {
      stage.pass->AddGradients(stage.input, stage.scale, gradients[stage.layer]);
    } else if (stage.scale != 1) {
      stage.pass->tile().View() *= stage.scale;
    }
    if (s == 0) return;
    const LifSynapses& synapses = *LayerOf(stage).synapses;
    const LifTile& tile = stage.pass->tile();
    LifTile& input_errors = errors_[s].inputs;
    input_errors.Resize(plan_->steps, synapses.inputs());
    synapses.InputErrors(weights[stage.layer].input, tile.View(), input_errors.View());
    errors = LifSpikeErrors::Of(BelowPools(s), ones_);
  }
}

const LifTile& LifNetworkPass::BelowPools(size_t s) {
  const std::vector<size_t>& pools = stages_[s].pools;
  LifTile* errors = &errors_[s].inputs;
  for (size_t p = pools.size(); p-- > 0;) {
    const LifPooling& pool = *plan_->layers[pools[p]].pool;
    LifTile& below = errors_[s].below_pools[p];
    below.Resize(errors->steps(), pool.below().units());
    const LifTile& above = *errors;
    pool.BelowErrors(above.View(), below.View());
    errors = &below;
  }
  return *errors;
}

}  // namespace torpor
