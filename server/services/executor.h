// Threads for calls that block, so that gRPC's own threads never do.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace torpor {

// A bounded queue of tasks and a few threads that run them. Thread-safe.
class BlockingExecutor {
 public:
  explicit BlockingExecutor(int threads, int max_queued = 1024);
  // As Stop.
  ~BlockingExecutor();
  BlockingExecutor(const BlockingExecutor&) = delete;
  BlockingExecutor& operator=(const BlockingExecutor&) = delete;

  // False, and nothing is run, when the queue is full or the executor was stopped.
  [[nodiscard]] bool Run(std::function<void()> task);
  // Whether Stop was called.
  bool stopping() const;
  // Runs what is queued, then ends the threads. Not from a task.
  void Stop();

 private:
  void Loop();
  const size_t max_queued_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace torpor
