#include "engine/truenorth/grid_kernels.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"

namespace torpor {

GridKernels::GridKernels(const std::vector<BinaryGrid>& grids) {
  TORPOR_CHECK(!grids.empty());
  plan_ = grids.front().plan;
  sites_on_.resize(plan_->layers.size());
  for (const BinaryGrid& grid : grids) {
    TORPOR_CHECK(grid.plan == plan_);
    TallyPlan tallies = PlanTallies(grid);
    CopyKernels& copy = copies_.emplace_back(
        CopyKernels{PopcountGrid(grid, tallies), BitSlicedGrid(grid, tallies), {}});
    for (size_t l = 0; l < plan_->layers.size(); ++l) {
      const int weighted = tallies.layers[l].weighted_events;
      copy.line_power.push_back(tallies.tallies[static_cast<size_t>(weighted)].weights);
      for (const BinaryCore& core : grid.layers[l]) {
        sites_on_[l] += std::count_if(core.weight.begin(), core.weight.end(),
                                      [](int8_t weight) { return weight != 0; });
      }
    }
    tallies_ = tallies.tallies.size();
    layers_ = std::move(tallies.layers);
    classes_ = std::move(tallies.classes);
  }
}

}  // namespace torpor
