// Following a growing event log.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "torpor/v1/job.pb.h"

namespace torpor {

// Reads an events.log from where the last call stopped. Not thread-safe.
class EventTail {
 public:
  // Most bytes a call reads: what bounds the memory of a watcher that has fallen behind.
  static constexpr size_t kChunkBytes = 256 * 1024;

  EventTail() = default;
  explicit EventTail(std::string path) : path_(std::move(path)) {}

  // The whole records that follow, as many as fit a chunk; empty when there are none yet, also when
  // the file is not there. A torn or damaged record ends the log for good unless it grows whole.
  std::vector<v1::JobEvent> Read();

 private:
  std::string path_;
  size_t offset_ = 0;
};

}  // namespace torpor
