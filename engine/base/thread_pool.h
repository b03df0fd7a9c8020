// A fixed set of threads for loops over blocks.
#pragma once

#include <functional>
#include <memory>

namespace torpor {

// Runs the iterations of a loop on several threads. Thread-safe; loops from several callers are
// interleaved. Results must not depend on which thread runs a block: give each block its own output
// and a size that does not depend on the number of threads.
class ThreadPool {
 public:
  // The caller's thread works too: `threads` = 1 starts none. threads >= 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;
  // Calls body(i) once for every i in 0..count-1 and returns when all are done. `body` must not
  // throw.
  void ParallelFor(int count, const std::function<void(int)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// CPUs that this process may run on.
int AvailableCpus();

}  // namespace torpor
