// The parameters of a grid of cores as they are learned, and as they are written into hardware.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/gemm.h"
#include "engine/truenorth/plan.h"

namespace torpor {

// Leaks are in -kMaxLeak..kMaxLeak; those beyond -512..512 silence a neuron or keep it firing.
inline constexpr int kMaxLeak = 1 << 20;

// One core as it is learned.
struct CoreParameters {
  // c in [0, 1], [neurons x axons]: the site of axon i and neuron j is at (j, i).
  Matrix connection;
  // b [neurons], the leak before rounding.
  std::vector<float> leak;
};

// By layer and core.
using GridParameters = std::vector<std::vector<CoreParameters>>;

// One core as it is written: what each site adds to the membrane, and the leak of every tick.
struct BinaryCore {
  // c_ij s_ij [neurons x axons], row-major, in -2..2; 0 where the site is off.
  std::vector<int8_t> weight;
  // [neurons].
  std::vector<int32_t> leak;
};

// A grid in hardware. Immutable once made.
struct BinaryGrid {
  std::shared_ptr<const GridPlan> plan;
  std::vector<std::vector<BinaryCore>> layers;
};

// On where c > 1/2; leak round(b), halves away from zero (Jimeno Yepes and Tang, eq. 4).
BinaryGrid Threshold(std::shared_ptr<const GridPlan> plan, const GridParameters& parameters);
// On with probability c, drawn from (seed, copy, layer, core, site).
BinaryGrid Sample(std::shared_ptr<const GridPlan> plan, const GridParameters& parameters,
                  uint64_t seed, int copy);

}  // namespace torpor
