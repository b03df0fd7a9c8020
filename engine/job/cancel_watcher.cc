#include "engine/job/cancel_watcher.h"

#include <chrono>

namespace torpor {

CancelWatcher::CancelWatcher(const JobDirectory& directory, int attempt, FileSystem* files,
                             Cancellation* cancellation)
    : cancel_path_(directory.CancelPath()),
      next_attempt_path_(directory.AttemptPath(attempt + 1)),
      files_(files),
      cancellation_(cancellation),
      thread_([this] { Loop(); }) {}

CancelWatcher::~CancelWatcher() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool CancelWatcher::UserCancelled() const { return Present(cancel_path_); }

bool CancelWatcher::Present(const std::string& path) const {
  // A file system that does not answer is no wish to stop.
  const absl::StatusOr<bool> exists = files_->Exists(path);
  return exists.ok() && *exists;
}

void CancelWatcher::Loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (Present(cancel_path_) || Present(next_attempt_path_)) {
      cancellation_->Cancel();
      return;
    }
    wake_.wait_for(lock, absl::ToChronoMilliseconds(kInterval), [this] { return stopping_; });
  }
}

}  // namespace torpor
