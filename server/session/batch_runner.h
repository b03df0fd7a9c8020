// Runs one batch of inference work on one generation.
#pragma once

#include <memory>
#include <vector>

#include "engine/base/thread_pool.h"
#include "server/session/meter.h"
#include "server/session/served.h"

namespace torpor {

// Turns tensors into samples, runs them in fixed blocks, and fills in the replies. Not thread-safe:
// one a compute thread. Holds no lock while computing.
class BatchRunner {
 public:
  // `pool` may be null.
  explicit BatchRunner(ThreadPool* pool) : pool_(pool) {}

  // Calls Done of every work. Work that is cancelled, past its deadline, pinned to another
  // generation or not finite gets its error and does not disturb the rest.
  void Run(const std::vector<InferenceWork*>& batch, const std::shared_ptr<const Served>& served,
           PowerMeter* meter);

 private:
  struct Slot;
  void Prepare(InferenceWork* work, const Served& served);
  void Compute(const Served& served);
  void ComputeBlock(const Served& served, size_t first, size_t count);
  void Reply(Slot& slot, const std::shared_ptr<const Served>& served, PowerMeter* meter,
             int batch_samples, int64_t compute_us);

  ThreadPool* const pool_;
  // Reused from batch to batch.
  std::vector<Slot> slots_;
  std::vector<float> inputs_;
  std::vector<float> scores_;
  std::vector<SampleTask> tasks_;
  std::vector<SampleResult> results_;
  // Slot of each sample.
  std::vector<int> owner_;
};

}  // namespace torpor
