// Homeostasis of weights: each neuron's column is scaled to one sum (Diehl and Cook, 2015).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/stdp/plastic_weights.h"

namespace torpor {

// Scales the columns of `neurons` (each once) to the L1 norm `norm`, then clamps; a column of zeros
// stays. Sums are in double in the order of inputs. `step` is that of the writes' noise: past the
// sample's last. `sums` is room, kept between calls.
void NormaliseColumns(std::span<const uint32_t> neurons, float norm, int step,
                      PlasticWeights& weights, std::vector<double>& sums);

}  // namespace torpor
