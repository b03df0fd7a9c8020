// What happened in a layer, in counts.
#pragma once

#include <cstdint>

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

// Of a layer with synapses that ran `steps` steps. `own`: its spikes, none where it integrates; a
// recurrent layer hears `heard` of them within these steps.
LifLayerCounts CountLayer(const LifLayerPlan& layer, const LifInput& input, int steps,
                          const LifSpikes& own, int64_t heard);

}  // namespace torpor
