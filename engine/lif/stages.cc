#include "engine/lif/stages.h"

#include "engine/base/status.h"

namespace torpor {

std::vector<LifStage> StagesOf(const LifPlan& plan) {
  const std::vector<LifLayerPlan>& layers = plan.layers;
  TORPOR_CHECK(!layers.empty() && layers.back().synapses != nullptr);
  TORPOR_CHECK(!plan.integrates || layers.back().recurrent == nullptr);
  std::vector<LifStage> stages;
  LifStage stage;
  for (size_t l = 0; l < layers.size(); ++l) {
    if (layers[l].pool != nullptr) {
      stage.pools.push_back(l);
      stage.scale *= layers[l].pool->scale();
      continue;
    }
    stage.layer = l;
    stage.spikes = !plan.integrates || l + 1 < layers.size();
    stages.push_back(std::move(stage));
    stage = LifStage();
  }
  return stages;
}

int64_t StepValues(const LifPlan& plan) {
  int64_t values = 0, repeats = 1;
  for (const LifLayerPlan& layer : plan.layers) {
    if (layer.pool != nullptr) {
      repeats *= layer.pool->window();
      values += layer.pool->below().units() + layer.pool->pooled().units() * repeats;
    } else {
      repeats = 1;
      values += layer.synapses->inputs() + layer.synapses->outputs();
    }
  }
  return values;
}

LifPools::LifPools(const LifPlan* plan)
    : plan_(plan), spikes_(plan->layers.size()), currents_(plan->layers.size()) {}

LifInput LifPools::Pool(const LifStage& stage, LifInput input) {
  for (const size_t l : stage.pools) {
    const LifPooling& pool = *plan_->layers[l].pool;
    if (input.spikes != nullptr) {
      pool.Pool(*input.spikes, spikes_[l]);
      input.spikes = &spikes_[l];
    } else {
      currents_[l].resize(static_cast<size_t>(pool.pooled().units()));
      pool.PoolCurrents(input.currents, currents_[l]);
      input.currents = currents_[l];
    }
  }
  return input;
}

}  // namespace torpor
