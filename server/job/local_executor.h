// Workers as child processes of the server.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/job/executor.h"

namespace torpor {

struct LocalExecutorOptions {
  // The torpor-worker binary.
  std::string worker;
  // Further arguments.
  std::vector<std::string> arguments;
  // The worker's whole environment ("NAME=value"): nothing is inherited from the server.
  std::vector<std::string> environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"};
};

// Starts each worker by posix_spawn in a process group of its own, with no descriptor of the
// server's and with output going to attempts/N/worker.log. One thread asks every 20 ms for each
// child by its process id, so no process-wide signal handler is needed and no other child of the
// process is touched. Thread-safe.
class LocalExecutor : public Executor {
 public:
  explicit LocalExecutor(LocalExecutorOptions options);
  // Lets the workers run on: they hold their locks, and the next server follows them. No `on_exit`
  // runs afterwards.
  ~LocalExecutor() override;

  absl::Status Start(const Launch& launch, std::function<void(const WorkerExit&)> on_exit) override;
  void Interrupt(const std::string& directory) override;
  void Kill(const std::string& directory) override;

 private:
  struct Child {
    std::string directory;
    // Also the process group. Not reused by the system before the child is reaped.
    pid_t pid = 0;
    std::function<void(const WorkerExit&)> on_exit;
  };
  void ReapLoop();
  void Signal(const std::string& directory, int signal);

  const LocalExecutorOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Child> children_;
  bool stopping_ = false;
  std::thread reaper_;
};

}  // namespace torpor
