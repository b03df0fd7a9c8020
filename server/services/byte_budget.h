// Memory that calls share.
#pragma once

#include <cstdint>
#include <mutex>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/base/status.h"

namespace torpor {

// So many bytes at once and no more. Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(int64_t limit) : free_(limit) {}
  // False, and nothing is taken, when fewer are free.
  [[nodiscard]] bool Take(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (bytes > free_) return false;
    free_ -= bytes;
    return true;
  }
  void Return(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    free_ += bytes;
  }

 private:
  std::mutex mutex_;
  int64_t free_;
};

// For a call whose file finds no room in the budget.
inline absl::Status TransfersBusy() {
  return WithRetry(WithReason(absl::ResourceExhaustedError(
                                  "the files of other imports and exports fill the memory that is "
                                  "set aside for them"),
                              "TRANSFERS_BUSY"),
                   absl::Seconds(5));
}

}  // namespace torpor
