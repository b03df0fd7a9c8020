// One watcher of one job.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/job/event_tail.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// Where a watch finds its job and the job's logs.
class JobSource {
 public:
  virtual ~JobSource() = default;
  virtual absl::StatusOr<v1::Job> Get(std::string_view name) const = 0;
  virtual std::string EventsPath(std::string_view name, int attempt) const = 0;
  // Returns once the watch's listener is not running and will not run again.
  virtual void RemoveWatch(int64_t token) = 0;
};

// What a watcher gets: the job; then its events after `from_sequence`, with the job at each change
// of state between them; last the ended job. The logs themselves are the buffer: a slow watcher
// holds no more than one chunk in memory, sees the latest progress of each chunk, and every other
// event. Blocking (reads files); not thread-safe.
class JobWatch {
 public:
  // `source` outlives the watch.
  JobWatch(JobSource* source, std::string name, int64_t from_sequence, int64_t token);
  ~JobWatch();
  JobWatch(const JobWatch&) = delete;
  JobWatch& operator=(const JobWatch&) = delete;

  // The next message; nullopt when there is none now (ask again when the job changed) or no more at
  // all (`done`).
  absl::StatusOr<std::optional<v1::WatchJobResponse>> Next();
  // The ended job was returned.
  bool done() const { return done_; }

 private:
  // Fills pending_ with events of attempts up to `last_attempt`.
  void ReadEvents(int last_attempt);
  v1::WatchJobResponse SendJob(const v1::Job& job);

  JobSource* const source_;
  const std::string name_;
  const int64_t from_sequence_;
  const int64_t token_;
  int attempt_;
  EventTail tail_;
  std::deque<v1::JobEvent> pending_;
  // The job as it was last sent.
  std::optional<v1::Job> sent_;
  bool done_ = false;
};

}  // namespace torpor
