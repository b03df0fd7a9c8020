// Many samples through a network, on several threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/thread_pool.h"
#include "engine/lif/aligned_floats.h"
#include "engine/lif/network_pass.h"
#include "engine/lif/two_ended_range.h"

namespace torpor {

// Samples are cut into a fixed number of blocks that have gradients of their own, which are added
// up in a fixed order: results are the same bits for any number of threads. One thread goes through
// the samples of a block in order; threads that find no further block run ahead of it from the end,
// forward only, since processors are seldom equally fast (a neighbour on the same core takes a
// quarter) and the slowest would hold up all. One user at a time.
class LifBatchPass {
 public:
  // A block of gradients should stay in a thread's own cache, and costs every batch another pass
  // over all weights, as much as a few samples: one for this many samples, but two where there are
  // two samples (lif_bench, "2 threads").
  static constexpr int64_t kSamplesPerBlock = 64;
  static constexpr int kMostBlocks = 8;
  // Gradients beyond this many floats, of all blocks together, are kept in fewer blocks.
  static constexpr int64_t kMostGradients = int64_t{1} << 28;
  // So are values of samples, the plan's steps times StepValues, since each block has a pass.
  static constexpr int64_t kMostValues = int64_t{1} << 28;

  // Samples that threads run ahead in a batch, each kept in a pass of its own until it is learned
  // from: half as many as a block has samples make up for a processor half as fast.
  static constexpr int64_t kMostAhead = 32;
  // Fewer where their values are more than this.
  static constexpr int64_t kMostAheadValues = int64_t{1} << 24;

  // Both outlive the pass.
  LifBatchPass(const LifPlan* plan, ThreadPool* threads, Instructions with = BestInstructions());

  // Of the plan alone.
  int blocks() const { return static_cast<int>(blocks_.size()); }

  // After the Forward of a sample: adds its gradients by pass.Backward or BackwardFromSpikes and
  // returns its loss. Called on any thread, several at once.
  using Learn = std::function<double(int64_t sample, LifNetworkPass& pass,
                                     std::span<const LifGradients> gradients)>;
  struct Sums {
    double loss = 0;
    // Of all gradients; NaN where one is.
    float largest_gradient = 0;
  };
  // Sets `gradients`, one entry a layer of the plan, to the sums over `samples`.
  Sums Gradients(std::span<const LifWeights> weights, std::span<const LifInput> samples,
                 const Learn& learn, std::span<const LifGradients> gradients);

  // After the Forward of a sample, which may go back without gradients; called on any thread,
  // several at once.
  using See = std::function<void(int64_t sample, LifNetworkPass& pass)>;
  void Forward(std::span<const LifWeights> weights, std::span<const LifInput> samples,
               const See& see);

 private:
  // One of the blocks: a pass and, where there are several, gradients of its own, 0 between calls.
  // On cache lines of its own: each thread writes to its block with every sample.
  struct alignas(64) Block {
    std::unique_ptr<LifNetworkPass> pass;
    AlignedFloats values;
    std::vector<LifGradients> gradients;
    double loss = 0;
    TwoEndedRange left;
    int64_t end = 0;
    // [kMostAhead]: passes that others ran, of its last sample, the one before it, ...; null until
    // they are through.
    std::vector<std::atomic<LifNetworkPass*>> ahead;
  };
  struct Batch;
  // All samples of a block, in order.
  void LearnBlock(const Batch& batch, Block& block, std::span<const LifGradients> gradients);
  // Forward for the last samples of the first `blocks`, which have all begun, but for one that is
  // `done`.
  void RunAhead(const Batch& batch, int64_t blocks, int64_t done);
  // Spans over `block.values` for all layers.
  void Divide(Block& block) const;
  // That `samples` to learn from are cut into.
  int64_t BlocksOf(int64_t samples) const;
  // Sets `gradients` to the blocks' sums and these to 0, or takes them as they are where they have
  // all of one block. Returns the largest.
  float AddBlocks(size_t blocks, std::span<const LifGradients> gradients);

  const LifPlan* plan_;
  ThreadPool* threads_;
  const Instructions with_;
  std::vector<int64_t> input_sizes_;
  std::vector<int64_t> recurrent_sizes_;
  std::vector<Block> blocks_;
  // Of a batch: blocks that a thread has begun, and passes of ahead_ that are taken.
  std::atomic<int64_t> begun_{0};
  std::atomic<size_t> ahead_taken_{0};
  // Each made by the thread that first takes it.
  std::vector<std::unique_ptr<LifNetworkPass>> ahead_;
};

}  // namespace torpor
