// A network run in pieces of any length: streams, and samples that may stop early.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/lif/layer_pass.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/readout.h"

namespace torpor {

// What a network remembers between pieces. Fits every network with as many units in each layer.
struct LifState {
  // One entry a layer of the plan; of pools unused.
  std::vector<LifLayerState> layers;
  // Of a last layer that integrates.
  RunningMean mean;
};

// The spikes of pieces are those of the whole, to the bit, if the plan's synapses go by events. A
// workspace: one a thread.
class LifPiecewisePass {
 public:
  // `plan` outlives the pass; its steps play no part.
  explicit LifPiecewisePass(const LifPlan* plan);

  // At rest.
  void Reset(LifState& state) const;
  // Begins new scores; the neurons go on.
  void RestartScores(LifState& state);
  // `steps` more steps. Spikes have so many. Of `scores`, which go on, see below.
  void Run(std::span<const LifWeights> weights, LifInput input, int steps, LifState& state);
  // Since Reset or RestartScores: time means of P, or counts of spikes. [classes].
  std::span<const float> scores() const { return scores_; }
  // That a layer or pool emitted in the last piece.
  const LifSpikes& spikes(size_t layer) const;

 private:
  void Integrate(const LifLayerPlan& layer, const LifWeights& weights, const LifInput& input,
                 float scale, int steps, LifState& state);

  const LifPlan* plan_;
  // By layer; null for pools and for a last layer that integrates.
  std::vector<std::unique_ptr<LifLayerPass>> passes_;
  std::vector<LifSpikes> pooled_;
  std::vector<std::vector<float>> pooled_currents_;
  LifTile drive_;
  LifSpikes none_;
  std::vector<float> scores_;
};

}  // namespace torpor
