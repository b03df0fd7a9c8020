// One tick of one sample by plain loops: what every kernel is compared with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/truenorth/grid.h"

namespace torpor {

// What one layer did in one tick.
struct LayerCounts {
  // Spiking axons times their connected sites, and the same weighted by |c s|.
  int64_t events = 0;
  int64_t weighted_events = 0;
  int64_t axon_spikes = 0;
  int64_t neuron_spikes = 0;
  bool operator==(const LayerCounts&) const = default;
};

struct ReferenceTick {
  // 0 or 1: the pixels, then each layer's neurons.
  std::vector<std::vector<uint8_t>> spikes;
  std::vector<LayerCounts> layers;
  // Spikes of each class's neurons: neuron j of a core of the last layer votes for j mod classes.
  std::vector<int32_t> classes;
};

// A neuron fires if I_j = sum_i x_i c_ij s_ij + b_j >= 1. `pixels` are [features], 0 or 1.
ReferenceTick RunReference(const BinaryGrid& grid, std::span<const uint8_t> pixels);

}  // namespace torpor
