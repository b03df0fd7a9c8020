// From a definition in physical units to the numbers of a step (R. V. W. Putra and M. Shafique,
// "tinySNN: Towards Memory- and Energy-Efficient Spiking Neural Networks", section 2; P. U. Diehl
// and M. Cook, "Unsupervised learning of digit recognition using spike-timing-dependent
// plasticity", 2015).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/quantize/fixed_point.h"
#include "engine/stdp/parameters.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

inline constexpr int kMaxStdpSteps = 65535;
// Integer bits of membrane potentials and thresholds unless the definition says others: they stay
// within 256 mV.
inline constexpr int kPotentialBits = 8;
inline constexpr int kMostIntegerBits = 16;

// Immutable once made.
struct StdpPlan {
  StdpParameters parameters;
  int classes = 0;
  double step_ms = 1;
  v1::StdpReadOut::Kind read_out = v1::StdpReadOut::ACTIVITY;
  v1::Quantization quantization;
  int64_t synapses() const { return static_cast<int64_t>(parameters.inputs) * parameters.neurons; }
};

// INVALID_ARGUMENT names each wrong field by its path inside the network ("excitatory.tau_ms").
absl::StatusOr<StdpPlan> PlanStdp(const v1::StdpNetwork& network);

// Of weights in [0, 1): all bits fractional.
FixedPoint StdpWeightFormat(int bits);
// Of membrane potentials and thresholds, which has neuron_bits: a sign, integer bits, and what is
// left, possibly less than nothing: the step is then above 1 mV.
FixedPoint StdpNeuronFormat(const v1::Quantization& quantization);
// How membranes and thresholds are kept; all unset for float32.
StateFormats StdpStateFormats(const v1::Quantization& quantization);

// Sentences about what will not learn as its author expects: a threshold that cannot hold its own
// increment.
std::vector<std::string> StdpWarnings(const StdpPlan& plan);

// What the network keeps, counted as asked (tinySNN, eq. 4).
std::vector<v1::MemoryEntry> StdpMemory(const StdpPlan& plan, const v1::MemoryCounting& counting);

}  // namespace torpor
