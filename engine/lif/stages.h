// A plan cut at its layers with neurons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/lif/network_plan.h"

namespace torpor {

// A layer with synapses and the pools before it.
struct LifStage {
  size_t layer = 0;
  std::vector<size_t> pools;
  // Of all the pools together.
  float scale = 1;
  // Has a threshold.
  bool spikes = true;
};

// In order from input to output. The plan is one whose last layer has synapses.
std::vector<LifStage> StagesOf(const LifPlan& plan);

// What a pass may have to keep of a step (LifDefinition::step_values): inputs and outputs of all
// layers, a pool's outputs as often as they may stand in its spikes.
int64_t StepValues(const LifPlan& plan);

// What the stages' synapses see. A workspace: one a thread.
class LifPools {
 public:
  // `plan` outlives it.
  explicit LifPools(const LifPlan* plan);
  // `input` through the pools of `stage`; valid until its next call for this stage.
  LifInput Pool(const LifStage& stage, LifInput input);
  // That a pool passed on last.
  const LifSpikes& spikes(size_t layer) const { return spikes_[layer]; }

 private:
  const LifPlan* plan_;
  // [layers].
  std::vector<LifSpikes> spikes_;
  std::vector<std::vector<float>> currents_;
};

}  // namespace torpor
