// A competitive network's numbers, converted once from physical units.
//
// Neurons are leaky integrate-and-fire with an adaptive threshold (Diehl and Cook, 2015). Each
// spike inhibits all other neurons: directly (tinySNN, section 2.1), or through a layer of
// inhibitory neurons, one a neuron. Potentials are in mV relative to rest, times in steps.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/quantize/fixed_point.h"

namespace torpor {

// One a neuron; its spike inhibits all neurons but its partner.
struct InhibitoryNeurons {
  // Factor a step: exp(-dt / tau).
  float decay = 0;
  // [mV]
  float reset = 0;
  // [mV], above 0.
  float threshold = 0;
  // [steps]
  int refractory = 0;
  // What the partner's spike adds [mV].
  float drive = 0;
};

struct StdpParameters {
  int inputs = 0;
  int neurons = 0;
  // Of a sample.
  int steps = 0;
  // Factor a step: exp(-dt / tau).
  float decay = 0;
  // [mV]
  float reset = 0;
  // Without theta [mV], above 0.
  float threshold = 0;
  // Steps after a spike in which input is lost.
  int refractory = 0;
  // Added to theta at each crossing while learning [mV].
  float theta_plus = 0;
  // Factor of theta a learned sample.
  float theta_decay = 1;
  // What an inhibiting spike takes [mV], above 0.
  float inhibition = 0;
  // Of the neurons that cross in a step, one emits; else all do.
  bool one_winner = true;
  // Unset: direct lateral inhibition.
  std::optional<InhibitoryNeurons> inhibitory;
  // Of an input at full intensity, a step.
  float spike_chance = 0;
  // Standard deviation of the Gaussian noise that is added to what each neuron receives in a step
  // [mV]: that of analogue columns. 0: none.
  float noise = 0;
};

// What is learned.
struct StdpWeights {
  // [inputs x neurons], row = input.
  std::vector<float> weights;
  // [neurons], mV.
  std::vector<float> theta;
};

// How neurons store their state; unset: in float. Potentials (of inhibitory neurons too) are
// rounded after each step's update and as reset, before they meet the threshold; theta is rounded
// as it rises. Theta's decay of a sample stays in float: it is far below a step of any format, so
// rounding would undo it or take a whole step.
struct StateFormats {
  std::optional<FixedPoint> membrane;
  v1::Rounding::Kind membrane_rounding = v1::Rounding::TRUNCATE;
  std::optional<FixedPoint> theta;
  v1::Rounding::Kind theta_rounding = v1::Rounding::TRUNCATE;
};

// How weights are stored while they are learned: every write is rounded.
struct WeightFormat {
  FixedPoint format;
  v1::Rounding::Kind rounding = v1::Rounding::TRUNCATE;
  // Of STOCHASTIC's noise.
  uint64_t seed = 0;
};

// What happened in one sample.
struct StdpCounts {
  int64_t steps = 0;
  // Of the inputs; those of the last step never arrive.
  int64_t input_spikes = 0;
  // Spikes that arrived times neurons.
  int64_t synaptic_additions = 0;
  // Inhibiting spikes that arrived times neurons inhibited.
  int64_t lateral_additions = 0;
  // Each step, inhibitory neurons included.
  int64_t neuron_updates = 0;
  int64_t emitted_spikes = 0;
  int64_t inhibitory_spikes = 0;
  // Neurons that reached their threshold, winners or not.
  int64_t crossings = 0;
  // Synapses written by the rule.
  int64_t weight_updates = 0;
  int64_t normalised_columns = 0;
  bool operator==(const StdpCounts&) const = default;

  std::array<int64_t*, 10> Members() {
    return {&steps,          &input_spikes,      &synaptic_additions, &lateral_additions,
            &neuron_updates, &emitted_spikes,    &inhibitory_spikes,  &crossings,
            &weight_updates, &normalised_columns};
  }
  void Add(StdpCounts other) {
    const auto members = Members();
    const auto others = other.Members();
    for (size_t i = 0; i < members.size(); ++i) *members[i] += *others[i];
  }
};

}  // namespace torpor
