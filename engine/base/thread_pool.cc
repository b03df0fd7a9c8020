#include "engine/base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/status.h"

namespace torpor {
namespace {

// Iterations that one thread takes first.
struct alignas(64) Lane {
  std::atomic<int> next{0};
  int end = 0;
};

// One ParallelFor. Lives on the heap since a worker may still look at it after the caller has gone.
// Every thread begins with a share of its own, the same in each loop of one length, so that what a
// share touches stays in that core's cache from loop to loop; then it helps the others.
struct Loop {
  Loop(int count, int threads, const std::function<void(int)>& body)
      : count(count), body(body), lanes(static_cast<size_t>(threads)) {
    for (int64_t t = 0; t < threads; ++t) {
      Lane& lane = lanes[static_cast<size_t>(t)];
      lane.next.store(static_cast<int>(count * t / threads), std::memory_order_relaxed);
      lane.end = static_cast<int>(count * (t + 1) / threads);
    }
  }
  const int count;
  // Valid while some iteration is unfinished; only a thread that holds an iteration calls it.
  const std::function<void(int)>& body;
  std::vector<Lane> lanes;
  std::atomic<int> done{0};
  std::mutex mutex;
  std::condition_variable finished;

  bool HasWork() const {
    return std::any_of(lanes.begin(), lanes.end(), [](const Lane& lane) {
      return lane.next.load(std::memory_order_relaxed) < lane.end;
    });
  }

  // As thread number `thread`.
  void Work(size_t thread) {
    for (size_t k = 0; k < lanes.size(); ++k) {
      Lane& lane = lanes[(thread + k) % lanes.size()];
      for (int i; (i = lane.next.fetch_add(1, std::memory_order_relaxed)) < lane.end;) {
        body(i);
        if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
          // The lock orders this with the caller's check, so that the signal cannot fall between
          // check and wait.
          std::lock_guard lock(mutex);
          finished.notify_all();
        }
      }
    }
  }

  bool Finished() const { return done.load(std::memory_order_acquire) == count; }
};

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Loops of a training step follow each other within microseconds: looking for a short while before
// going to sleep saves the cost of waking (tens of microseconds) and burns next to nothing when
// idle.
constexpr int kSpins = 2000;

}  // namespace

struct ThreadPool::Impl {
  std::mutex mutex;
  std::condition_variable work_or_stop;
  std::deque<std::shared_ptr<Loop>> loops;
  std::atomic<int> queued{0};
  bool stopping = false;
  std::vector<std::thread> workers;

  // With `mutex` held: the first loop that still has work; exhausted ones are dropped.
  std::shared_ptr<Loop> Front() {
    while (!loops.empty() && !loops.front()->HasWork()) {
      loops.pop_front();
      queued.fetch_sub(1, std::memory_order_relaxed);
    }
    return loops.empty() ? nullptr : loops.front();
  }

  void RunWorker(size_t thread) {
    for (;;) {
      int spins = 0;
      while (spins < kSpins && queued.load(std::memory_order_relaxed) == 0) {
        Pause();
        ++spins;
      }
      std::shared_ptr<Loop> loop;
      {
        std::unique_lock lock(mutex);
        loop = Front();
        // A loop that others finished first, most often this worker's own last one, says nothing
        // about the next: look again before going to sleep.
        if (loop == nullptr && !stopping && spins < kSpins) continue;
        work_or_stop.wait(
            lock, [&] { return stopping || loop != nullptr || (loop = Front()) != nullptr; });
        if (loop == nullptr) return;
      }
      loop->Work(thread);
    }
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  TORPOR_CHECK(threads >= 1);
  for (int i = 1; i < threads; ++i) {
    impl_->workers.emplace_back(
        [impl = impl_.get(), i] { impl->RunWorker(static_cast<size_t>(i)); });
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->work_or_stop.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(impl_->workers.size()) + 1; }

void ThreadPool::ParallelFor(int count, const std::function<void(int)>& body) {
  if (count <= 0) return;
  if (count == 1 || impl_->workers.empty()) {
    for (int i = 0; i < count; ++i) body(i);
    return;
  }
  const auto loop = std::make_shared<Loop>(count, threads(), body);
  {
    std::lock_guard lock(impl_->mutex);
    impl_->loops.push_back(loop);
    impl_->queued.fetch_add(1, std::memory_order_relaxed);
  }
  // The caller takes one share itself.
  if (count > threads() - 1) {
    impl_->work_or_stop.notify_all();
  } else {
    for (int i = 1; i < count; ++i) impl_->work_or_stop.notify_one();
  }
  loop->Work(0);
  for (int i = 0; i < kSpins && !loop->Finished(); ++i) Pause();
  std::unique_lock lock(loop->mutex);
  loop->finished.wait(lock, [&] { return loop->Finished(); });
}

int AvailableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  const unsigned count = std::thread::hardware_concurrency();
  return count > 0 ? static_cast<int>(count) : 1;
}

}  // namespace torpor
