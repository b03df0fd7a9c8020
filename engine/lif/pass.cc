#include "engine/lif/pass.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"

namespace torpor {

LifPass::LifPass(const LifPlan* plan, Instructions with) : plan_(plan), pools_(plan) {
  for (LifStage& part : StagesOf(*plan)) {
    Stage& stage = stages_.emplace_back();
    static_cast<LifStage&>(stage) = std::move(part);
    if (!stage.spikes) continue;
    stage.pass = std::make_unique<LifLayerPass>(&LayerOf(stage), plan->order, with);
  }
}

void LifPass::Begin(int steps) {
  TORPOR_CHECK(steps >= 0);
  steps_ = steps;
  if (none_.steps() > steps) none_.Clear();
  while (none_.steps() < steps) none_.EndStep();
}

const LifPass::Stage* LifPass::Find(size_t layer) const {
  const auto found = std::ranges::find(stages_, layer, &Stage::layer);
  return found == stages_.end() ? nullptr : &*found;
}

const LifSpikes& LifPass::spikes(size_t layer) const {
  const Stage* stage = Find(layer);
  if (stage == nullptr) return pools_.spikes(layer);
  return stage->spikes ? stage->pass->spikes() : none_;
}

LifLayerCounts LifPass::Counts(size_t layer) const {
  const Stage* stage = Find(layer);
  if (stage == nullptr) return {};
  return CountLayer(LayerOf(*stage), stage->input, steps_, spikes(layer), Heard(layer));
}

LifInput LifPass::Seen(size_t layer) const {
  const Stage* stage = Find(layer);
  return stage == nullptr ? LifInput() : stage->input;
}

LifHeard LifPass::Heard(size_t layer) const {
  const Stage* stage = Find(layer);
  return stage == nullptr ? LifHeard() : HeardOf(LayerOf(*stage), stage->before, spikes(layer));
}

}  // namespace torpor
