// Weighted sums of spikes that a tick is asked for besides its outputs: what each layer did, and
// the classes' votes. All are of one form, so that a kernel needs to know that form alone.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/truenorth/grid.h"

namespace torpor {

// sum over lines of weight x (1 if the line spikes).
struct Tally {
  // Which lines: 0 the pixels, l + 1 the neurons of layer l.
  int level = 0;
  // [lines of the level], >= 0; all of one tick together stay below 2^31.
  std::vector<int32_t> weights;
};

// Where the sums of a layer stand among a plan's tallies.
struct LayerTallies {
  int events = 0;
  int weighted_events = 0;
  int axon_spikes = 0;
  int neuron_spikes = 0;
};

// Tallies of one grid. Sums that are equal by the plan are counted once; `layers` and `classes` are
// alike for all grids of a plan.
struct TallyPlan {
  std::vector<Tally> tallies;
  std::vector<LayerTallies> layers;
  // [classes].
  std::vector<int> classes;
};

TallyPlan PlanTallies(const BinaryGrid& grid);

}  // namespace torpor
