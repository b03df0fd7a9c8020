// What passes through whole networks have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/simd.h"
#include "engine/lif/counts.h"
#include "engine/lif/layer_pass.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/stages.h"

namespace torpor {

// The stages of a plan, and what the last run left in each of its layers.
class LifPass {
 public:
  // That a layer or a pool emitted; of a layer that integrates: none.
  const LifSpikes& spikes(size_t layer) const;
  // Of a pool: nothing.
  LifLayerCounts Counts(size_t layer) const;
  // What the synapses of a layer saw: its input through the pools, and its own spikes.
  LifInput Seen(size_t layer) const;
  LifHeard Heard(size_t layer) const;

 protected:
  struct Stage : LifStage {
    // Null: integrates.
    std::unique_ptr<LifLayerPass> pass;
    // What its synapses saw.
    LifInput input;
    // Of a recurrent layer: who spiked in the step before the run's first.
    std::vector<uint32_t> before;
  };

  // `plan` outlives the pass.
  LifPass(const LifPlan* plan, Instructions with);
  // Passes are not held by what they share.
  ~LifPass() = default;

  // Before a run of `steps`.
  void Begin(int steps);
  // Null: a pool.
  const Stage* Find(size_t layer) const;
  const LifLayerPlan& LayerOf(const Stage& stage) const { return plan_->layers[stage.layer]; }

  const LifPlan* plan_;
  // In order from input to output.
  std::vector<Stage> stages_;
  LifPools pools_;

 private:
  int steps_ = 0;
  // [steps_] without a spike.
  LifSpikes none_;
};

}  // namespace torpor
