#include "engine/lif/piecewise_pass.h"

#include <algorithm>

#include "engine/base/status.h"

namespace torpor {

LifPiecewisePass::LifPiecewisePass(const LifPlan* plan)
    : plan_(plan), pooled_(plan->layers.size()), pooled_currents_(plan->layers.size()) {
  const std::vector<LifLayerPlan>& layers = plan->layers;
  TORPOR_CHECK(!layers.empty() && layers.back().synapses != nullptr);
  for (size_t l = 0; l < layers.size(); ++l) {
    const bool integrates = plan->integrates && l + 1 == layers.size();
    passes_.push_back(layers[l].pool != nullptr || integrates
                          ? nullptr
                          : std::make_unique<LifLayerPass>(&layers[l], plan->order));
  }
  scores_.resize(static_cast<size_t>(layers.back().synapses->outputs()));
}

void LifPiecewisePass::Reset(LifState& state) const {
  state.layers.resize(plan_->layers.size());
  for (size_t l = 0; l < state.layers.size(); ++l) {
    if (passes_[l] != nullptr) state.layers[l].Reset(plan_->layers[l].synapses->outputs());
  }
  state.mean.Reset(static_cast<int>(scores_.size()));
}

void LifPiecewisePass::RestartScores(LifState& state) {
  std::fill(scores_.begin(), scores_.end(), 0.0f);
  state.mean.RestartMean();
}

void LifPiecewisePass::Run(std::span<const LifWeights> weights, LifInput input, int steps,
                           LifState& state) {
  TORPOR_CHECK(weights.size() == plan_->layers.size() &&
               state.layers.size() == plan_->layers.size());
  float scale = 1;
  for (size_t l = 0; l < plan_->layers.size(); ++l) {
    const LifLayerPlan& layer = plan_->layers[l];
    if (layer.pool != nullptr) {
      scale *= layer.pool->scale();
      if (input.spikes != nullptr) {
        layer.pool->Pool(*input.spikes, pooled_[l]);
        input.spikes = &pooled_[l];
      } else {
        pooled_currents_[l].resize(static_cast<size_t>(layer.pool->pooled().units()));
        layer.pool->PoolCurrents(input.currents, pooled_currents_[l]);
        input.currents = pooled_currents_[l];
      }
      continue;
    }
    if (passes_[l] == nullptr) {
      Integrate(layer, weights[l], input, scale, steps, state);
      return;
    }
    passes_[l]->Forward(weights[l], input, scale, steps, state.layers[l]);
    input = {.spikes = &passes_[l]->spikes(), .currents = {}};
    scale = 1;
  }
  for (const uint32_t i : input.spikes->index) scores_[i] += 1;
}

void LifPiecewisePass::Integrate(const LifLayerPlan& layer, const LifWeights& weights,
                                 const LifInput& input, float scale, int steps, LifState& state) {
  drive_.Resize(steps, layer.synapses->outputs());
  drive_.Clear();
  const size_t units = scores_.size();
  if (input.spikes != nullptr) {
    layer.synapses->AddDrive(weights.input, *input.spikes, drive_.View());
  } else {
    layer.synapses->AddCurrentDrive(weights.input, input.currents, {drive_.row(0), units});
    for (int n = 1; n < steps; ++n) std::copy_n(drive_.row(0), units, drive_.row(n));
  }
  if (scale != 1) drive_.View() *= scale;
  for (int n = 0; n < steps; ++n) {
    state.mean.Step(layer.neuron, plan_->order, {drive_.row(n), units}, scores_);
  }
}

const LifSpikes& LifPiecewisePass::spikes(size_t layer) const {
  if (plan_->layers[layer].pool != nullptr) return pooled_[layer];
  return passes_[layer] != nullptr ? passes_[layer]->spikes() : none_;
}

}  // namespace torpor
