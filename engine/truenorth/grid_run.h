// One call of a deployed grid: which samples' ticks run together, and when a sample is done.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/network/deployment.h"
#include "engine/truenorth/grid_kernels.h"
#include "engine/truenorth/rate_code.h"
#include "engine/truenorth/spike_record.h"

namespace torpor {

// What a mode makes of the kernels.
struct GridMode {
  int ticks = 1;
  int copies = 1;
  std::optional<double> margin;
};

// Deployment::block_samples: few ticks take many samples to fill the lanes.
int GridBlockSamples(const GridPlan& plan, const GridMode& mode);

// Few ticks run one by one; many fill the lanes of the bit-sliced kernel, those of one sample
// beside those of others. With a margin, lanes that would stay empty run ticks ahead, which are
// left out if their sample stops before them. Results do not depend on any of this. Serves one
// call.
class GridRun {
 public:
  GridRun(const GridKernels& kernels, const RateCode& code, const GridMode& mode,
          GridWorkspace& workspace, Instructions with, PopcountSet popcount);
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation& cancellation);

 private:
  // A sample that is not done.
  struct Sample {
    // Among those of the block.
    size_t index = 0;
    int ticks_taken = 0;
  };
  // Ticks of one sample in lanes that follow one another.
  struct Share {
    size_t index = 0;
    int first_tick = 0;
    int count = 0;
  };
  absl::Status RunBlock(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                        const Cancellation& cancellation);
  absl::Status RunSingly(const SampleTask& task, SampleResult& result, Sample& sample,
                         const Cancellation& cancellation);
  absl::Status RunLanes(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                        const Cancellation& cancellation);
  // Fills pixels_.
  void ReadInputs(std::span<const SampleTask> tasks);
  // The pixels' spikes of lanes that were shared.
  void WriteSpikes(std::span<const SampleTask> tasks, int lanes);
  // Fills lanes with the next ticks of samples. Returns the number of lanes.
  int ShareLanes();
  uint64_t* SumsOf(size_t index) { return sums_.data() + index * kernels_.tallies(); }
  bool Stops(size_t index, int ticks_taken);
  void Finish(size_t index, int ticks_taken, SampleResult& result);

  const GridKernels& kernels_;
  const RateCode& code_;
  const GridMode& mode_;
  GridWorkspace& workspace_;
  Instructions with_;
  PopcountSet popcount_;
  SpikeRecord record_;
  // Of the block at work: [samples x tallies].
  std::vector<uint64_t> sums_;
  // By sample, [features]: the caller's bytes, or the workspace's for values.
  std::vector<std::span<const uint8_t>> pixels_;
  std::vector<Sample> samples_;
  std::vector<Share> shares_;
  std::vector<Recorder*> recorders_;
  // [words][lanes side by side].
  std::vector<uint64_t> spikes_;
};

}  // namespace torpor
