#include "engine/lif/network_pass.h"

#include <algorithm>
#include <numeric>

#include "engine/base/status.h"
#include "engine/lif/readout.h"

namespace torpor {

LifNetworkPass::LifNetworkPass(const LifPlan* plan, Instructions with) : plan_(plan), pools_(plan) {
  TORPOR_CHECK(plan->steps >= 1);
  for (LifStage& part : StagesOf(*plan)) {
    Stage& stage = stages_.emplace_back();
    static_cast<LifStage&>(stage) = std::move(part);
    stage.pool_errors.resize(stage.pools.size());
    const LifSynapses& synapses = *plan->layers[stage.layer].synapses;
    for (int j = 0; j < synapses.inputs(); ++j) {
      stage.connections += synapses.FanOut(static_cast<uint32_t>(j));
    }
    if (!stage.spikes) continue;
    stage.pass = std::make_unique<LifLayerPass>(&plan->layers[stage.layer], plan->order, with);
  }
  const LifLayerPlan& last = plan->layers.back();
  scores_.resize(static_cast<size_t>(last.synapses->outputs()));
  ones_.assign(static_cast<size_t>(plan->steps), 1.0f);
  if (plan->integrates) {
    kernel_ = MeanKernel(last.neuron, plan->order, plan->steps);
    kernel_sum_ = std::accumulate(kernel_.begin(), kernel_.end(), 0.0f);
  }
  while (none_.steps() < plan->steps) none_.EndStep();
}

void LifNetworkPass::Forward(std::span<const LifWeights> weights, const LifInput& input) {
  TORPOR_CHECK(weights.size() == plan_->layers.size() &&
               (input.spikes == nullptr || input.spikes->steps() == plan_->steps));
  LifInput below = input;
  for (Stage& stage : stages_) {
    stage.input = pools_.Pool(stage, below);
    if (stage.pass == nullptr) {
      Integrate(stage, weights[stage.layer]);
      return;
    }
    stage.state.Reset(plan_->layers[stage.layer].synapses->outputs());
    stage.pass->Forward(weights[stage.layer], stage.input, stage.scale, plan_->steps, stage.state);
    below = {&stage.pass->spikes(), {}};
  }
  CountSpikes(*below.spikes);
}

void LifNetworkPass::CountSpikes(const LifSpikes& spikes) {
  std::fill(scores_.begin(), scores_.end(), 0.0f);
  for (const uint32_t i : spikes.index) scores_[i] += 1;
}

void LifNetworkPass::Integrate(Stage& stage, const LifWeights& weights) {
  const LifSynapses& synapses = *plan_->layers[stage.layer].synapses;
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

const LifSpikes& LifNetworkPass::spikes(size_t layer) const {
  if (plan_->layers[layer].pool != nullptr) return pools_.spikes(layer);
  for (const Stage& stage : stages_) {
    if (stage.layer == layer && stage.pass != nullptr) return stage.pass->spikes();
  }
  return none_;
}

LifLayerCounts LifNetworkPass::Counts(size_t layer) const {
  for (const Stage& stage : stages_) {
    if (stage.layer != layer) continue;
    return CountLayer(plan_->layers[layer], stage.input, plan_->steps, spikes(layer), Heard(layer));
  }
  return {};
}

LifBackwardCounts LifNetworkPass::BackwardCounts(size_t layer) const {
  for (size_t s = 0; s < stages_.size(); ++s) {
    const Stage& stage = stages_[s];
    if (stage.layer != layer) continue;
    const LifLayerPlan& plan = plan_->layers[layer];
    const int64_t steps = stage.spikes ? plan_->steps : 1;
    LifBackwardCounts counts;
    if (s > 0) counts.error_operations = steps * stage.connections;
    if (!stage.spikes) {
      for (uint32_t j = 0; j < sums_.size(); ++j) {
        if (sums_[j] != 0) counts.gradient_operations += plan.synapses->FanOut(j);
      }
      return counts;
    }
    counts.neuron_updates = steps * plan.synapses->outputs();
    if (stage.input.spikes != nullptr) {
      counts.gradient_operations = plan.synapses->Operations(*stage.input.spikes);
    } else {
      for (uint32_t j = 0; j < stage.input.currents.size(); ++j) {
        if (stage.input.currents[j] != 0) counts.gradient_operations += plan.synapses->FanOut(j);
      }
    }
    if (plan.recurrent != nullptr) {
      counts.error_operations += (steps - 1) * plan.recurrent->weights();
      counts.gradient_operations += Heard(layer).size() * plan.recurrent->outputs();
    }
    return counts;
  }
  return {};
}

LifInput LifNetworkPass::Seen(size_t layer) const {
  for (const Stage& stage : stages_) {
    if (stage.layer == layer) return stage.input;
  }
  return {};
}

LifHeard LifNetworkPass::Heard(size_t layer) const {
  return HeardOf(plan_->layers[layer], {}, spikes(layer));
}

void LifNetworkPass::Backward(std::span<const LifWeights> weights,
                              std::span<const float> score_errors,
                              std::span<const LifGradients> gradients, const ErrorHook& hook) {
  TORPOR_CHECK(score_errors.size() == scores_.size() &&
               (gradients.empty() || gradients.size() == plan_->layers.size()));
  Stage& last = stages_.back();
  if (!plan_->integrates) {
    // Every spike counts alike.
    output_errors_.Resize(1, static_cast<int>(scores_.size()));
    std::copy(score_errors.begin(), score_errors.end(), output_errors_.row(0));
    BackFrom(stages_.size() - 1, LifSpikeErrors::Repeated(output_errors_, ones_), weights,
             gradients, hook);
    return;
  }
  const bool goes_on = BackIntegrate(last, weights[last.layer], score_errors, gradients, hook);
  if (goes_on && stages_.size() > 1) {
    BackFrom(stages_.size() - 2, LifSpikeErrors::Repeated(BelowPools(last), kernel_), weights,
             gradients, hook);
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
bool LifNetworkPass::BackIntegrate(Stage& stage, const LifWeights& weights,
                                   std::span<const float> score_errors,
                                   std::span<const LifGradients> gradients, const ErrorHook& hook) {
  score_errors_.assign(score_errors.begin(), score_errors.end());
  const int classes = static_cast<int>(score_errors_.size());
  const MatrixView errors(score_errors_.data(), 1, classes, Eigen::OuterStride<>(classes));
  if (hook && !hook(stage.layer, errors)) return false;
  const LifSynapses& synapses = *plan_->layers[stage.layer].synapses;
  if (!gradients.empty()) {
    synapses.AddCurrentGradient(sums_, score_errors_, gradients[stage.layer].input);
  }
  if (stages_.size() == 1) return true;
  if (stage.scale != 1) {
    for (float& error : score_errors_) error *= stage.scale;
  }
  stage.input_errors.Resize(1, synapses.inputs());
  synapses.InputErrors(weights.input,
                       {score_errors_.data(), 1, classes, Eigen::OuterStride<>(classes)},
                       stage.input_errors.View());
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
    const LifSynapses& synapses = *plan_->layers[stage.layer].synapses;
    const LifTile& tile = stage.pass->tile();
    stage.input_errors.Resize(plan_->steps, synapses.inputs());
    synapses.InputErrors(weights[stage.layer].input, tile.View(), stage.input_errors.View());
    errors = LifSpikeErrors::Of(BelowPools(stage), ones_);
  }
}

const LifTile& LifNetworkPass::BelowPools(Stage& stage) {
  LifTile* errors = &stage.input_errors;
  for (size_t p = stage.pools.size(); p-- > 0;) {
    const LifPooling& pool = *plan_->layers[stage.pools[p]].pool;
    LifTile& below = stage.pool_errors[p];
    below.Resize(errors->steps(), pool.below().units());
    const LifTile& above = *errors;
    pool.BelowErrors(above.View(), below.View());
    errors = &below;
  }
  return *errors;
}

}  // namespace torpor
