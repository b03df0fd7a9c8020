// What happened in a layer, in counts.
#pragma once

#include <cstdint>
#include <span>

#include "engine/lif/network_plan.h"

namespace torpor {

struct LifLayerCounts {
  // Inputs that spiked, or with currents those that are not 0, each step's.
  int64_t input_events = 0;
  // Weights that they and the layer's own spikes met.
  int64_t synaptic_operations = 0;
  // Neurons times steps.
  int64_t neuron_updates = 0;
  int64_t output_spikes = 0;
};

// A layer's own spikes that reach it within some steps: of the step before them, and those within
// them but in the last. Nobody's where the layer is not recurrent.
struct LifHeard {
  std::span<const uint32_t> before;
  std::span<const uint32_t> within;
  int64_t size() const { return static_cast<int64_t>(before.size() + within.size()); }
};
LifHeard HeardOf(const LifLayerPlan& layer, std::span<const uint32_t> before, const LifSpikes& own);

// Of a layer with synapses that ran `steps` steps. `own`: its spikes, none where it integrates.
LifLayerCounts CountLayer(const LifLayerPlan& layer, const LifInput& input, int steps,
                          const LifSpikes& own, const LifHeard& heard);

}  // namespace torpor
