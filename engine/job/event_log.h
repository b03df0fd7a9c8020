// events.log: append-only records of length (u32 LE), CRC32C of the payload (u32 LE), payload (JobEvent).
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

// Writes the log of one attempt. Not thread-safe.
class EventLogWriter {
 public:
  static absl::StatusOr<std::unique_ptr<EventLogWriter>> Open(const std::string& path, int attempt, FileSystem* files);
  // Gives the event its sequence (attempt * 2^32 + index) and time, and appends it. `sync`: returns when on the disk.
  absl::Status Append(v1::JobEvent event, bool sync);

 private:
  EventLogWriter(std::unique_ptr<AppendFile> file, int attempt) : file_(std::move(file)), attempt_(attempt) {}
  std::unique_ptr<AppendFile> file_;
  int attempt_;
  int64_t next_index_ = 1;
};

// The whole records at the start of `content`; stops without error at the first torn or damaged one and says where.
struct ParsedEvents {
  std::vector<v1::JobEvent> events;
  // Bytes of whole records: where a follower goes on.
  size_t consumed = 0;
};
ParsedEvents ParseEvents(std::string_view content);

}  // namespace torpor
