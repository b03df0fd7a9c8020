// Spikes of lines, counted for the recorders of one call.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/network/deployment.h"
#include "engine/truenorth/bit_sliced.h"
#include "engine/truenorth/plan.h"
#include "engine/truenorth/popcount.h"

namespace torpor {

// Counts are integers until the end, so that a recording has the same bits by any kernel. Used by
// one call. Recorders that samples share are counted together.
class SpikeRecord {
 public:
  // `copies` that run; recordings are means over them.
  SpikeRecord(const GridPlan& plan, int copies) : plan_(plan), copies_(copies) {}

  bool empty() const { return sums_.empty(); }
  // One more sample for `recorder`, which may be null.
  void AddSample(Recorder* recorder);
  // What every layer's lines below do in this tick of one copy.
  void AddTick(const PopcountWorkspace& workspace, Recorder* recorder);
  // The same in lanes 0..recorders.size()-1, each for its recorder or for none.
  void AddLanes(const SlicedWorkspace& workspace, const std::vector<Recorder*>& recorders);
  // Adds everything to the recorders.
  void Finish();

 private:
  struct Sums {
    Recorder* recorder;
    int64_t samples = 0;
    // [layers][lines].
    std::vector<std::vector<int64_t>> spikes;
  };
  Sums& SumsOf(Recorder* recorder);

  const GridPlan& plan_;
  int copies_;
  std::vector<Sums> sums_;
};

}  // namespace torpor
