// events.log: append-only records of length (u32 LE), CRC32C of the payload (u32 LE), payload
// (JobEvent).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/file_system.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// A sequence number is attempt * 2^32 + index, so that a new attempt never reuses one that a
// watcher has seen.
constexpr int64_t SequenceOf(int attempt, int64_t index) {
  return (static_cast<int64_t>(attempt) << 32) + index;
}
constexpr int AttemptOf(int64_t sequence) { return static_cast<int>(sequence >> 32); }

// Writes the log of one attempt. Not thread-safe.
class EventLogWriter {
 public:
  // Goes on after the whole records of an existing log; a torn record at its end is removed first.
  static absl::StatusOr<std::unique_ptr<EventLogWriter>> Open(const std::string& path, int attempt,
                                                              FileSystem* files);
  // Gives the event its sequence (attempt * 2^32 + index) and time, and appends it. `sync`: returns
  // when on the disk.
  absl::Status Append(v1::JobEvent event, bool sync);

 private:
  EventLogWriter(std::unique_ptr<AppendFile> file, int attempt, int64_t next_index)
      : file_(std::move(file)), attempt_(attempt), next_index_(next_index) {}
  std::unique_ptr<AppendFile> file_;
  int attempt_;
  int64_t next_index_;
};

// The whole records at the start of `content`; stops without error at the first torn or damaged one
// and says where.
struct ParsedEvents {
  std::vector<v1::JobEvent> events;
  // Bytes of whole records: where a follower goes on.
  size_t consumed = 0;
};
ParsedEvents ParseEvents(std::string_view content);

}  // namespace torpor
