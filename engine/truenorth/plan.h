// From a block and stride definition to cores, axons, neurons and wires (A. Jimeno Yepes and J.
// Tang, "Improving energy efficiency and classification accuracy of neuromorphic chips by learning
// binary synaptic crossbars", section 2 and table 1).
//
// A neuron sends its spike to exactly one axon. An upper core that sees a block of B x B cores has
// 256 / B^2 axons for each of them, so a source that lies in d blocks has d times as many neurons:
// those for its first destination (row-major) come first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

inline constexpr int kCoreAxons = 256;
inline constexpr int kCoreNeurons = 256;
inline constexpr int kAxonTypes = 4;
inline constexpr int kMaxTicks = 4096;

// One core. Axons and neurons that are used come first: 0..axons-1, 0..neurons-1.
struct CorePlan {
  // Of its block in the layer's grid.
  int row = 0;
  int column = 0;
  int neurons = 0;
  // Neuron 0's place among the layer's neurons.
  int first_neuron = 0;
  // [axons]: the line that axon i listens to. In the first layer a pixel, flat index into
  // [channels x height x width]; axons in the order (channel, row, column) of the block. Above, a
  // neuron of the layer below; axons by source core (row-major), each source's in order.
  std::vector<int32_t> sources;
  int axons() const { return static_cast<int>(sources.size()); }
};

// One layer: a square of cores.
struct CoreLayerPlan {
  std::string name;
  int block = 0;
  int stride = 0;
  // Cores a side.
  int rows = 0;
  int columns = 0;
  // Lines below (pixels or neurons) and neurons of all cores.
  int inputs = 0;
  int neurons = 0;
  // Most destinations of a core; 0 in the last layer.
  int fan_out = 0;
  // Row-major.
  std::vector<CorePlan> cores;
};

// Immutable once made.
struct GridPlan {
  // Pixels times channels.
  int features = 0;
  int classes = 0;
  // Of all cores of the last layer together; neuron j of a core votes for class j mod classes.
  int neurons_per_class = 0;
  // Ticks at full power.
  int ticks = 0;
  v1::RateCode::Kind code = v1::RateCode::EVEN;
  v1::Template::Kind strengths = v1::Template::SIGNS;
  std::vector<CoreLayerPlan> layers;
  int64_t cores() const;
  // Crossbar sites: axons times neurons, over cores.
  int64_t sites() const;
};

// INVALID_ARGUMENT names each wrong field by its path inside the network ("layers[1].block") and
// the core by its block, where a core would need more than 256 axons or neurons or a neuron more
// than one axon.
absl::StatusOr<GridPlan> PlanGrid(const v1::TrueNorthNetwork& network);

// Table of neuron j (local index) for the four axon types; the table depends on j / classes, never
// on the neuron's class, since neurons of a class that share one table learn less.
std::vector<int8_t> StrengthTable(v1::Template::Kind strengths, int neuron, int classes);
// s_ij of axon i, whose type is i mod 4.
int Strength(v1::Template::Kind strengths, int axon, int neuron, int classes);

}  // namespace torpor
