// One server a data directory.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace torpor {

// Holds flock(DIR/lock) for its life, so that two servers cannot share a data directory. The kernel
// frees it when the process dies.
class DataLock {
 public:
  // FAILED_PRECONDITION with reason DATA_DIRECTORY_IN_USE naming the holder's process id.
  static absl::StatusOr<std::unique_ptr<DataLock>> Acquire(const std::string& directory);
  ~DataLock();
  DataLock(const DataLock&) = delete;
  DataLock& operator=(const DataLock&) = delete;

 private:
  explicit DataLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace torpor
