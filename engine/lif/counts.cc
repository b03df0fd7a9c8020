#include "engine/lif/counts.h"

namespace torpor {

LifLayerCounts CountLayer(const LifLayerPlan& layer, const LifInput& input, int steps,
                          const LifSpikes& own, int64_t heard) {
  LifLayerCounts counts;
  if (input.spikes != nullptr) {
    counts.input_events = input.spikes->size();
    counts.synaptic_operations = layer.synapses->Operations(*input.spikes);
  } else {
    for (uint32_t j = 0; j < input.currents.size(); ++j) {
      if (input.currents[j] == 0) continue;
      counts.input_events += steps;
      counts.synaptic_operations += steps * layer.synapses->FanOut(j);
    }
  }
  counts.neuron_updates = int64_t{steps} * layer.synapses->outputs();
  counts.output_spikes = own.size();
  if (layer.recurrent != nullptr) {
    counts.synaptic_operations += heard * layer.recurrent->outputs();
  }
  return counts;
}

}  // namespace torpor
