// Turns files in the job directory into cancellation.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "engine/base/cancellation.h"
#include "engine/base/file_system.h"
#include "engine/job/job_directory.h"

namespace torpor {

// A thread that looks every 20 ms for the file `cancel` (the user wants the job stopped) and for
// the folder of a newer attempt (this one was given up and must not go on), and cancels the
// computation when it sees one. Thread-safe.
class CancelWatcher {
 public:
  static constexpr absl::Duration kInterval = absl::Milliseconds(20);

  // All pointers outlive the watcher.
  CancelWatcher(const JobDirectory& directory, int attempt, FileSystem* files,
                Cancellation* cancellation);
  // Ends the thread.
  ~CancelWatcher();
  CancelWatcher(const CancelWatcher&) = delete;
  CancelWatcher& operator=(const CancelWatcher&) = delete;

  // Whether the file `cancel` is there, looked up now: what tells a cancelled job from an
  // interrupted one.
  bool UserCancelled() const;

 private:
  bool Present(const std::string& path) const;
  void Loop();

  const std::string cancel_path_;
  const std::string next_attempt_path_;
  FileSystem* const files_;
  Cancellation* const cancellation_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace torpor
