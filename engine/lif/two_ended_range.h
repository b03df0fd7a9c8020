// A range that threads take from both ends.
#pragma once

#include <atomic>
#include <cstdint>

namespace torpor {

// Numbers first..end-1, each taken once: in order by one thread, from the end by others. Empty
// until it is opened.
class TwoEndedRange {
 public:
  // What is left of it may be at most 2^31 - 1.
  void Open(int64_t first, int64_t end) {
    first_ = first;
    state_.store(Pack(0, end - first), std::memory_order_release);
  }
  void Close() { state_.store(0, std::memory_order_relaxed); }

  // The least that is left; -1 where nothing is.
  int64_t TakeFirst() {
    uint64_t state = state_.load(std::memory_order_relaxed);
    while (Begin(state) < End(state)) {
      if (state_.compare_exchange_weak(state, Pack(Begin(state) + 1, End(state)),
                                       std::memory_order_acquire)) {
        return first_ + Begin(state);
      }
    }
    return -1;
  }
  // The greatest that is left, where at least `left` are; -1 else.
  int64_t TakeLast(int64_t left) {
    uint64_t state = state_.load(std::memory_order_relaxed);
    while (End(state) - Begin(state) >= left) {
      if (state_.compare_exchange_weak(state, Pack(Begin(state), End(state) - 1),
                                       std::memory_order_acquire)) {
        return first_ + End(state) - 1;
      }
    }
    return -1;
  }

 private:
  // Both ends in one word, relative to first_, so that no number is taken twice.
  static uint64_t Pack(int64_t begin, int64_t end) {
    return static_cast<uint64_t>(begin) << 32 | static_cast<uint64_t>(end);
  }
  static int64_t Begin(uint64_t state) { return static_cast<int64_t>(state >> 32); }
  static int64_t End(uint64_t state) { return static_cast<int64_t>(state & 0xffffffff); }

  std::atomic<uint64_t> state_{0};
  int64_t first_ = 0;
};

}  // namespace torpor
