#include "engine/stdp/counted.h"

#include <variant>

namespace torpor {

Activity CountedActivity(const StdpParameters& parameters, const StdpCounts& counts,
                         int weight_bits) {
  const double neurons = parameters.neurons;
  const double synapses = parameters.inputs * neurons;
  const double steps = static_cast<double>(counts.steps);
  const double events = static_cast<double>(counts.synaptic_additions);
  const double normalised = static_cast<double>(counts.normalised_columns) * parameters.inputs;
  Activity activity;
  activity.layers.push_back({.synaptic_power = Quantity(),
                             .synaptic_events = events,
                             .spikes = static_cast<double>(counts.emitted_spikes),
                             .core_ticks = 0,
                             .reads = events,
                             .writes = static_cast<double>(counts.weight_updates) + normalised,
                             .bits_moved = events * weight_bits,
                             .conversions = 0,
                             .off_power = 0,
                             .neuron_updates = steps * neurons,
                             .synapse_steps = steps * synapses,
                             .synapse_writes = 0});
  const bool has_layer = parameters.inhibitory.has_value();
  const double driven = has_layer ? static_cast<double>(counts.emitted_spikes) : 0;
  const double lateral = static_cast<double>(counts.lateral_additions) + driven;
  activity.layers.push_back({.synaptic_power = 0,
                             .synaptic_events = lateral,
                             .spikes = static_cast<double>(counts.inhibitory_spikes),
                             .core_ticks = 0,
                             .reads = lateral,
                             .writes = 0,
                             .bits_moved = lateral * weight_bits,
                             .conversions = 0,
                             .off_power = 0,
                             .neuron_updates = has_layer ? steps * neurons : 0,
                             .synapse_steps = has_layer ? steps * 2 * neurons * neurons : 0,
                             .synapse_writes = 0});
  return activity;
}

double ClockDrivenWrites(const StdpParameters& parameters, const LearningSettings& settings,
                         const StdpCounts& counts, int64_t samples) {
  const auto* windowed = std::get_if<WindowedSettings>(&settings.rule);
  const int occasions =
      windowed == nullptr ? 2 * parameters.steps : parameters.steps / windowed->window;
  const double synapses = static_cast<double>(parameters.inputs) * parameters.neurons;
  return synapses * occasions * static_cast<double>(samples) +
         static_cast<double>(counts.normalised_columns) * parameters.inputs;
}

}  // namespace torpor
