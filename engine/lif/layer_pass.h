// One layer of spiking neurons over the steps of a sample, and back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/simd.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/neuron_traces.h"
#include "engine/lif/tile.h"

namespace torpor {

// What a layer's neurons remember between steps.
struct LifLayerState {
  // At rest.
  void Reset(int units) {
    traces.Reset(units);
    last.clear();
  }
  LifTraces traces;
  // Who spiked in the step before; kept for recurrent layers.
  std::vector<uint32_t> last;
};

// A workspace: one a thread.
class LifLayerPass {
 public:
  // `layer` has synapses and outlives the pass.
  LifLayerPass(const LifLayerPlan* layer, LifOrder order, Instructions with = BestInstructions());

  // `steps` more steps. `scale`: what the input's spikes count, by pools.
  void Forward(const LifWeights& weights, const LifInput& input, float scale, int steps,
               LifLayerState& state);
  // Of the last Forward.
  const LifSpikes& spikes() const { return spikes_; }
  // X before Backward, the gradient of the drive h after.
  LifTile& tile() { return tile_; }

  // The adjoint of the last Forward, which began at rest, from the gradient of its spikes.
  void Backward(const LifWeights& weights, const LifSurrogate& surrogate,
                const LifSpikeErrors& errors);
  // Adds to `gradients` what `tile` holds then. `input` and `scale` are those of Forward; scales
  // the tile.
  void AddGradients(const LifInput& input, float scale, const LifGradients& gradients);

 private:
  void AddInputDrive(const LifWeights& weights, const LifInput& input, float scale);
  void BackwardRecurrent(const LifWeights& weights, const LifSurrogate& surrogate,
                         const LifSpikeErrors& errors);

  const LifLayerPlan* layer_;
  NeuronTraces traces_;
  LifTile tile_;
  LifSpikes spikes_;
  LifTraces adjoints_;
  // [1 x units].
  LifTile row_;
  std::vector<float> ones_;
};

}  // namespace torpor
