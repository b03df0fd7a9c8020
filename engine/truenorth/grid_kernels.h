// Kernels of all copies of a grid on one piece of hardware, and memory to run them in.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/lease_pool.h"
#include "engine/truenorth/bit_sliced.h"
#include "engine/truenorth/grid.h"
#include "engine/truenorth/popcount.h"
#include "engine/truenorth/tally.h"

namespace torpor {

// A grid as both kernels have it.
struct CopyKernels {
  PopcountGrid popcount;
  BitSlicedGrid bit_sliced;
  // By layer, sum over the line's sites of |c s| [lines below].
  std::vector<std::vector<int32_t>> line_power;
};

// Of one running call.
struct GridWorkspace {
  SlicedWorkspace sliced;
  PopcountWorkspace single;
  // [samples given as values x features].
  std::vector<uint8_t> pixels;
};

// Immutable but for the pool, which is thread-safe.
class GridKernels {
 public:
  // All grids share one plan; at least one.
  explicit GridKernels(const std::vector<BinaryGrid>& grids);

  const GridPlan& plan() const { return *plan_; }
  const std::vector<CopyKernels>& copies() const { return copies_; }
  // Where sums stand; alike in all copies.
  const std::vector<LayerTallies>& layer_tallies() const { return layers_; }
  const std::vector<int>& class_tallies() const { return classes_; }
  size_t tallies() const { return tallies_; }
  // By layer, over copies: sites that are on.
  const std::vector<int64_t>& sites_on() const { return sites_on_; }
  LeasePool<GridWorkspace>& workspaces() const { return workspaces_; }

 private:
  std::shared_ptr<const GridPlan> plan_;
  std::vector<CopyKernels> copies_;
  std::vector<LayerTallies> layers_;
  std::vector<int> classes_;
  size_t tallies_ = 0;
  std::vector<int64_t> sites_on_;
  mutable LeasePool<GridWorkspace> workspaces_;
};

// Made once for a piece of hardware, shared by its deployments.
inline std::shared_ptr<const GridKernels> MakeGridKernels(const std::vector<BinaryGrid>& grids) {
  return std::make_shared<const GridKernels>(grids);
}

}  // namespace torpor
