// Where workers run: child processes of this server, or (later) a cluster's scheduler.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"

namespace torpor {

// How a worker ended.
struct WorkerExit {
  // Exit code (see WorkerExitCode), or -1 when a signal ended it.
  int code = -1;
  int signal = 0;
  // "exit code 3", "signal 9 (Killed)".
  std::string ToString() const;
};

struct Launch {
  // The job directory.
  std::string directory;
  int attempt = 1;
};

// Starts and stops workers, one a job directory at a time. Thread-safe; blocking.
class Executor {
 public:
  virtual ~Executor() = default;
  // Starts a worker. `on_exit` is called once, from a thread of the executor, when it has ended and
  // been reaped; it must not call the executor.
  virtual absl::Status Start(const Launch& launch,
                             std::function<void(const WorkerExit&)> on_exit) = 0;
  // Asks the worker of a directory to checkpoint and end. Also for a worker that an earlier server
  // started.
  virtual void Interrupt(const std::string& directory) = 0;
  // Ends it at once, with all its children.
  virtual void Kill(const std::string& directory) = 0;
};

// Whether a worker holds the lock of a job directory.
bool WorkerAlive(const std::string& directory);

}  // namespace torpor
