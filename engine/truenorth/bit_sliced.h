// Many ticks at once: 512 lanes, one (sample, tick) each, counted by carry-save adders.
//
// Ticks of stateless neurons are as independent as samples are, so both fill lanes. Each neuron is
// a list of the lines that its connected sites listen to; sites that are off cost nothing, signs
// and the leak are folded into a threshold.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "engine/base/simd.h"
#include "engine/truenorth/bit_sliced_kernel.h"
#include "engine/truenorth/grid.h"
#include "engine/truenorth/tally.h"

namespace torpor {

// Memory of one running block; used again by the next, and by any grid of the same plan.
struct SlicedWorkspace {
  // Lines of the pixels, then of each layer's neurons; at least one more line a level that is zero.
  std::vector<std::vector<Line>> levels;
  std::vector<Line> gathered;
  std::vector<Line> planes;
  // [tallies x kLanes] by slot, over the grids run.
  std::vector<uint64_t> sums;
  // Words of a line that lanes take.
  int words = kLineWords;

  // Makes room for grids of this plan.
  void Prepare(const GridPlan& plan);
  // Begins a block of so many lanes: 1..kLanes.
  void Start(int lanes, size_t tallies);
  // Where the words of a lane's pixels go: word w to [w * kLanes].
  uint64_t* PixelWords(int lane) { return levels[0][0].words + SlotOf(lane, words); }
  const uint64_t* SumsOf(int tally) const {
    return sums.data() + static_cast<size_t>(tally) * kLanes;
  }
};

// One grid. Immutable.
class BitSlicedGrid {
 public:
  BitSlicedGrid(const BinaryGrid& grid, const TallyPlan& tallies);

  // From the pixel words of all lanes to lines: once, before Run of one or more grids.
  static void TransposePixels(SlicedWorkspace& workspace, Instructions with);
  // From lines of pixels to those of all layers, and the tallies added to the sums. Lanes that were
  // not begun hold anything. CANCELLED and DEADLINE_EXCEEDED leave the workspace in any state.
  absl::Status Run(SlicedWorkspace& workspace, Instructions with,
                   const Cancellation& cancellation) const;

 private:
  struct Layer {
    std::vector<SlicedNeuron> neurons;
    std::vector<uint16_t> offsets;
    // Pointers into `neurons`, `offsets` and the plan.
    std::vector<SlicedCore> cores;
  };
  struct TallyLists {
    int level = 0;
    std::vector<std::vector<uint32_t>> offsets;
    // Pointers into `offsets`.
    std::vector<SlicedBit> bits;
    // Planes of the sum, and where they lie: 64 lines are transposed together.
    int planes = 0;
    int first_plane = 0;
  };
  void AddNeuron(const CorePlan& core, const BinaryCore& sites, int j, Layer& layer);
  static TallyLists ListsOf(const Tally& tally);

  std::shared_ptr<const GridPlan> plan_;
  std::vector<Layer> layers_;
  std::vector<TallyLists> tallies_;
  // A multiple of 64.
  int planes_ = 0;
};

}  // namespace torpor
