// What happened in samples, as the energy room counts it.
#pragma once

#include "engine/energy/activity.h"
#include "engine/stdp/learning.h"
#include "engine/stdp/parameters.h"

namespace torpor {

// Of the layer "excitatory": synaptic_events = spikes that arrived times neurons; reads =
// synaptic_events, bits_moved = those times bits; writes = weights written by rule and
// normalisation; neuron_updates, synapse_steps. synaptic_power is left unknown. Of the layer
// "inhibition": the events of inhibition and drive. `counts` may be sums over samples.
Activity CountedActivity(const StdpParameters& parameters, const StdpCounts& counts,
                         int weight_bits);

// synapse_writes of `samples` presentations of all steps: a pair-wise rule looks at every synapse
// twice a step, a windowed one once a window; a normalised column is written once.
double ClockDrivenWrites(const StdpParameters& parameters, const LearningSettings& settings,
                         const StdpCounts& counts, int64_t samples);

}  // namespace torpor
