#include "engine/lif/stream_pass.h"

#include <algorithm>
#include <limits>

#include "engine/base/status.h"

namespace torpor {

void LifStreamState::ScaleWeights(size_t stage, float by) {
  if (layers.empty()) return;
  TORPOR_CHECK(stage < layers.size());
  layers[stage].traces.ScaleDrive(by);
  if (stage + 1 == layers.size()) mean.ScaleDrive(by);
}

LifStreamPass::LifStreamPass(const LifPlan* plan, Instructions with) : LifPass(plan, with) {}

void LifStreamPass::Start(LifStreamState& state) const {
  const int classes = plan_->layers.back().synapses->outputs();
  state.layers.resize(stages_.size());
  for (size_t s = 0; s < stages_.size(); ++s) {
    state.layers[s].Reset(LayerOf(stages_[s]).synapses->outputs());
  }
  state.mean.Reset(classes);
  state.counts.assign(static_cast<size_t>(classes), 0.0f);
}

void LifStreamPass::Run(std::span<const LifWeights> weights, const LifInput& input, int steps,
                        LifStreamState& state) {
  TORPOR_CHECK(weights.size() == plan_->layers.size());
  Begin(steps);
  if (state.layers.empty()) Start(state);
  TORPOR_CHECK(state.layers.size() == stages_.size());
  scores_.Resize(steps, plan_->layers.back().synapses->outputs());
  LifInput below = input;
  for (size_t s = 0; s < stages_.size(); ++s) {
    Stage& stage = stages_[s];
    stage.input = pools_.Pool(stage, below);
    if (!stage.spikes) {
      Integrate(stage, weights[stage.layer], state.mean);
      return;
    }
    LifLayerState& layer = state.layers[s];
    stage.before = layer.last;
    stage.pass->Forward(weights[stage.layer], stage.input, stage.scale, steps, layer);
    below = {&stage.pass->spikes(), {}};
  }
  Count(*below.spikes, state.counts);
}

void LifStreamPass::Integrate(const Stage& stage, const LifWeights& weights, RunningMean& mean) {
  const LifLayerPlan& layer = LayerOf(stage);
  const auto classes = static_cast<size_t>(scores_.units());
  drive_.Resize(scores_.steps(), scores_.units());
  drive_.Clear();
  if (stage.input.spikes != nullptr) {
    layer.synapses->AddDrive(weights.input, *stage.input.spikes, drive_.View());
  } else {
    for (int n = 0; n < drive_.steps(); ++n) {
      layer.synapses->AddCurrentDrive(weights.input, stage.input.currents,
                                      {drive_.row(n), classes});
    }
  }
  if (stage.scale != 1) drive_.View() *= stage.scale;
  for (int n = 0; n < drive_.steps(); ++n) {
    mean.Step(layer.neuron, plan_->order, {drive_.row(n), classes}, {scores_.row(n), classes});
  }
}

void LifStreamPass::Count(const LifSpikes& spikes, std::span<float> counts) {
  for (int n = 0; n < spikes.steps(); ++n) {
    for (const uint32_t i : spikes.At(n)) counts[i] += 1;
    std::copy(counts.begin(), counts.end(), scores_.row(n));
  }
}

float Margin(std::span<const float> scores) {
  TORPOR_CHECK(scores.size() >= 2);
  float first = -std::numeric_limits<float>::infinity();
  float second = first;
  for (const float score : scores) {
    second = std::max(second, std::min(first, score));
    first = std::max(first, score);
  }
  return first - second;
}

}  // namespace torpor
