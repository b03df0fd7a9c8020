#include "engine/lif/counts.h"

#include <algorithm>

namespace torpor {

LifHeard HeardOf(const LifLayerPlan& layer, std::span<const uint32_t> before,
                 const LifSpikes& own) {
  if (layer.recurrent == nullptr || own.steps() == 0) return {};
  const auto until = static_cast<size_t>(own.begin[static_cast<size_t>(own.steps()) - 1]);
  return {.before = before, .within = std::span(own.index).first(until)};
}

LifLayerCounts CountLayer(const LifLayerPlan& layer, const LifInput& input, int steps,
                          const LifSpikes& own, const LifHeard& heard) {
  LifLayerCounts counts;
  if (input.spikes != nullptr) {
    counts.input_events = input.spikes->size();
    counts.synaptic_operations = layer.synapses->Operations(*input.spikes);
  } else {
    const auto zeros = std::ranges::count(input.currents, 0.0f);
    counts.input_events = steps * (static_cast<int64_t>(input.currents.size()) - zeros);
    counts.synaptic_operations = steps * layer.synapses->Operations(input.currents);
  }
  counts.neuron_updates = int64_t{steps} * layer.synapses->outputs();
  counts.output_spikes = own.size();
  if (layer.recurrent != nullptr) {
    counts.synaptic_operations += heard.size() * layer.recurrent->outputs();
  }
  return counts;
}

}  // namespace torpor
