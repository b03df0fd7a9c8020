// A network of the family without its weights: what a pass has to go through.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/lif/dense_synapses.h"
#include "engine/lif/neuron.h"
#include "engine/lif/pooling.h"
#include "engine/lif/synapses.h"

namespace torpor {

struct LifLayerPlan {
  // One of both. A pool has no neurons; what follows sees its spikes times its scale.
  std::shared_ptr<const LifSynapses> synapses;
  std::shared_ptr<const LifPooling> pool;
  LifNeuron neuron;
  // [units x units], from the layer's own spikes of the step before, S[n-1]: they are a part of the
  // drive h[n] like the inputs' spikes S_in[n] are, in either order. So a loop takes one step with
  // kImmediate and three with kDelayed, where h[n] moves U[n+2]. Null: none. Not of a layer that
  // integrates.
  std::shared_ptr<const DenseSynapses> recurrent;
};

struct LifPlan {
  // In order from input to output; the last one has synapses.
  std::vector<LifLayerPlan> layers;
  LifOrder order = LifOrder::kImmediate;
  int steps = 0;
  // The last layer has no threshold: its scores are time means of its P. Else they are its spikes'
  // counts.
  bool integrates = true;
  LifSurrogate surrogate;
};

// Of one layer; a pool's are empty.
struct LifWeights {
  // [synapses->weights()], [recurrent->weights()].
  std::span<const float> input;
  std::span<const float> recurrent;
};
struct LifGradients {
  std::span<float> input;
  std::span<float> recurrent;
};

// What a network sees: spikes, or numbers that stand in their place in every step.
struct LifInput {
  const LifSpikes* spikes = nullptr;
  // [inputs]; where there are no spikes.
  std::span<const float> currents;
};

}  // namespace torpor
