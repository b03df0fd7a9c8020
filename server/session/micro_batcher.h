// A bounded queue of inference work and the thread that computes it in batches.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/thread_pool.h"
#include "server/session/batch_runner.h"
#include "server/session/meter.h"
#include "server/session/served.h"

namespace torpor {

// Takes whatever is queued as one batch, up to a limit, and runs it at once: no waiting for more to
// come, so one request at a time has no delay added. A batch asks for the served generation once,
// so it never spans a switch. Thread-safe; Submit takes a short lock only and may be called from a
// gRPC reaction.
class MicroBatcher {
 public:
  struct Options {
    // Samples that may wait; more are refused.
    int queue_samples = 16384;
    // A batch is closed when it has this many samples; one larger work is a batch of its own.
    int batch_samples = 256;
    // Large batches are spread over its threads in fixed blocks; may be null; outlives the batcher.
    ThreadPool* pool = nullptr;
  };
  using ServedFunction = std::function<std::shared_ptr<const Served>()>;

  // `meter` outlives the batcher. `served` is called by the compute thread once a batch.
  MicroBatcher(const Options& options, ServedFunction served, PowerMeter* meter);
  // As Drain.
  ~MicroBatcher();
  MicroBatcher(const MicroBatcher&) = delete;
  MicroBatcher& operator=(const MicroBatcher&) = delete;

  // OK: Done will be called. RESOURCE_EXHAUSTED with reason QUEUE_FULL and RetryInfo when the
  // samples do not fit; what Drain was given after Drain.
  absl::Status Submit(InferenceWork* work);
  // Refuses new work with `reason`, finishes what is queued, ends the thread. Blocking; not from
  // Done.
  void Drain(const absl::Status& reason);
  // Samples that wait now.
  int queued() const;

 private:
  void Loop();

  const Options options_;
  const ServedFunction served_;
  PowerMeter* const meter_;
  BatchRunner runner_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<InferenceWork*> queue_;
  int queued_samples_ = 0;
  // Not OK once draining: what new work is told.
  absl::Status closed_;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace torpor
