#include "server/session/micro_batcher.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// How soon a refused client may try again: a few batches.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(50);

}  // namespace

MicroBatcher::MicroBatcher(const Options& options, ServedFunction served, PowerMeter* meter)
    : options_(options),
      served_(std::move(served)),
      meter_(meter),
      runner_(options.pool),
      thread_([this] { Loop(); }) {}

MicroBatcher::~MicroBatcher() { Drain(absl::CancelledError("the session is gone")); }

absl::Status MicroBatcher::Submit(InferenceWork* work) {
  bool was_idle = false;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_.ok()) return closed_;
    if (queued_samples_ + work->samples > options_.queue_samples) {
      return WithRetry(WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                      "the session's queue is full: ", queued_samples_, " of ",
                                      options_.queue_samples, " samples wait, ", work->samples,
                                      " more do not fit")),
                                  "QUEUE_FULL"),
                       kRetryDelay);
    }
    work->queued_at = std::chrono::steady_clock::now();
    was_idle = queue_.empty();
    queue_.push_back(work);
    queued_samples_ += work->samples;
  }
  if (was_idle) wake_.notify_one();
  return absl::OkStatus();
}

void MicroBatcher::Drain(const absl::Status& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_.ok()) closed_ = reason;
  }
  wake_.notify_one();
  const std::lock_guard lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

int MicroBatcher::queued() const {
  const std::lock_guard lock(mutex_);
  return queued_samples_;
}

void MicroBatcher::Loop() {
  std::vector<InferenceWork*> batch;
  for (;;) {
    batch.clear();
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !closed_.ok() || !queue_.empty(); });
      if (queue_.empty()) return;
      int samples = 0;
      do {
        batch.push_back(queue_.front());
        samples += queue_.front()->samples;
        queue_.pop_front();
      } while (!queue_.empty() && samples + queue_.front()->samples <= options_.batch_samples);
      queued_samples_ -= samples;
    }
    runner_.Run(batch, served_(), meter_);
  }
}

}  // namespace torpor
