// One tick of one sample with little delay: a core's spikes are four words, one for each axon type,
// and a membrane is the signed count of four intersections.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/truenorth/grid.h"
#include "engine/truenorth/popcount_kernel.h"
#include "engine/truenorth/tally.h"

namespace torpor {

// Memory of one running sample; used again by the next, and by any grid of the same plan.
struct PopcountWorkspace {
  // Spikes of the pixels, then of each layer's neurons: bit i % 64 of word i / 64 is line i. One
  // more word each may be read.
  std::vector<std::vector<uint64_t>> levels;
  // [tallies].
  std::vector<uint32_t> sums;
  std::vector<uint32_t> counts;

  // Makes room for grids of this plan.
  void Prepare(const GridPlan& plan);
};

// One grid. Immutable.
class PopcountGrid {
 public:
  PopcountGrid(const BinaryGrid& grid, const TallyPlan& tallies);
  // From pixels' spikes to those of all layers and the tallies' sums.
  void Run(PopcountWorkspace& workspace, PopcountSet with) const;

 private:
  // Lines that lie side by side, below and among a core's axons; at most 57 of them, within one
  // word of axons: ((8 bytes from `byte`) >> shift & mask) << to.
  struct Lines {
    uint64_t mask;
    uint32_t byte;
    uint8_t shift;
    uint8_t to;
  };
  struct Core {
    // By word of axons, and where each word's end.
    std::vector<Lines> lines;
    std::array<int, kTypes> ends = {};
    std::vector<PopcountGroup> groups;
    int first_neuron = 0;
  };
  struct Layer {
    std::vector<Core> cores;
    // Every core's neurons begin at a whole byte.
    bool aligned = true;
  };
  // One bit of a tally's weights, as a lane of counting.
  struct Lane {
    int tally;
    int bit;
  };
  struct Level {
    int words = 0;
    // In eights; tally -1 fills up.
    std::vector<Lane> lanes;
    // [lanes / 8][words][8].
    std::vector<uint64_t> masks;
  };
  static void AddLines(const CorePlan& plan, Core& core);
  static std::vector<PopcountGroup> GroupsOf(const CorePlan& core, const BinaryCore& sites);
  static Level LevelOf(int level, int lines, const TallyPlan& tallies);

  std::shared_ptr<const GridPlan> plan_;
  std::vector<Layer> layers_;
  std::vector<Level> levels_;
  size_t tallies_ = 0;
};

}  // namespace torpor
