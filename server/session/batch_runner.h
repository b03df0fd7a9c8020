// Runs one batch of inference work on one generation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/thread_pool.h"
#include "server/session/meter.h"
#include "server/session/served.h"

namespace torpor {

// Turns tensors into samples, runs them in blocks of the size that the deployment asks for, and
// fills in the replies. Not thread-safe: one a compute thread. Holds no lock while computing.
class BatchRunner {
 public:
  // `pool` may be null.
  explicit BatchRunner(ThreadPool* pool) : pool_(pool) {}

  // Calls Done of every work. Work that is cancelled, past its deadline, pinned to another
  // generation or not finite gets its error and does not disturb the rest.
  void Run(const std::vector<InferenceWork*>& batch, const std::shared_ptr<const Served>& served,
           PowerMeter* meter);

 private:
  // One work of the batch: its samples are first..first + work->samples - 1.
  struct Slot {
    InferenceWork* work = nullptr;
    int64_t queue_us = 0;
    absl::Status status;
    int first = 0;
  };
  // A range of samples that one Run call computes, and the slots that they belong to.
  struct Block {
    int first = 0;
    int count = 0;
    int first_slot = 0;
    int last_slot = 0;
  };

  // Whether work may run at all; its samples as values, unless they go as bytes.
  absl::Status Accept(const InferenceWork& work, const Served& served);
  absl::Status ReadValues(const InferenceWork& work, int features);
  // After every work was looked at.
  void MakeTasks(const Deployment& deployment);
  void CutBlocks(int samples, const Deployment& deployment);
  void RunBlock(const Deployment& deployment, const Block& block, absl::Status& status);
  // Chunks, one after the other.
  void RunChunks(const Served& served);
  void FillResponse(const Slot& slot, const Served& served, int batch_samples, int64_t compute_us,
                    PowerMeter* meter);

  ThreadPool* const pool_;
  // Reused from batch to batch.
  std::vector<Slot> slots_;
  // Works that are chunks; their samples come after those of slots_.
  std::vector<Slot> chunk_slots_;
  std::vector<Block> blocks_;
  std::vector<absl::Status> block_status_;
  // Values of accepted samples, one after another; the first `values_used_` are this batch's.
  std::vector<float> values_;
  size_t values_used_ = 0;
  std::vector<float> scores_;
  std::vector<SampleTask> tasks_;
  std::vector<SampleResult> results_;
};

}  // namespace torpor
