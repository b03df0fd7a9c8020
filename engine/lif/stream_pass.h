// A stream through a network, piece by piece.
#pragma once

#include <span>
#include <vector>

#include "engine/base/simd.h"
#include "engine/lif/layer_pass.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/pass.h"
#include "engine/lif/readout.h"

namespace torpor {

// What a stream remembers between its pieces; empty: nothing yet, all at rest.
struct LifStreamState {
  // For weights that are `by` times what they were from now on in stage `stage`. In the papers'
  // form Q and P are the synapse's, before the weight, so new weights act at once on spikes of
  // before too; here they are sums behind the weights and have to follow (schaefer, section 1).
  void ScaleWeights(size_t stage, float by);

  // [stages].
  std::vector<LifLayerState> layers;
  RunningMean mean;
  // [classes]: spikes of the last layer until now, where it spikes.
  std::vector<float> counts;
};

// Runs the steps of a stream in pieces of any length, with the same bits as in one where the plan's
// synapses go by events (DenseSynapses::Path). Scores are those of all steps until now, so that a
// sample can be left as soon as they are clear. A workspace: one a thread, for any stream of its
// plan; the plan's `steps` play no part.
class LifStreamPass final : public LifPass {
 public:
  // `plan` outlives the pass.
  explicit LifStreamPass(const LifPlan* plan, Instructions with = BestInstructions());

  // `steps` more steps: those of `input`, or of its currents.
  void Run(std::span<const LifWeights> weights, const LifInput& input, int steps,
           LifStreamState& state);

  // Of the last Run. Scores after each of its steps [steps x classes]: means of P, or counts.
  ConstMatrixView scores() const { return scores_.View(); }

 private:
  void Start(LifStreamState& state) const;
  void Integrate(const Stage& stage, const LifWeights& weights, RunningMean& mean);
  void Count(const LifSpikes& spikes, std::span<float> counts);

  LifTile scores_;
  LifTile drive_;
};

// The lead of the highest of at least two scores over the next.
float Margin(std::span<const float> scores);

}  // namespace torpor
