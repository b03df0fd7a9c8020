// Objects that are costly to make and serve one user at a time, such as a running batch's memory.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace torpor {

// Objects that wait for work. Thread-safe; the lock is held for a pointer's move alone. Outlives
// its leases.
template <typename T>
class LeasePool {
 public:
  // Returns its object when it goes out of scope.
  class Lease {
   public:
    Lease(LeasePool* pool, std::unique_ptr<T> object) : pool_(pool), object_(std::move(object)) {}
    ~Lease() { pool_->Return(std::move(object_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    T& operator*() const { return *object_; }

   private:
    LeasePool* pool_;
    std::unique_ptr<T> object_;
  };

  // One that was used before, or a fresh one.
  Lease Take() {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) return Lease(this, std::make_unique<T>());
    std::unique_ptr<T> object = std::move(waiting_.back());
    waiting_.pop_back();
    return Lease(this, std::move(object));
  }

 private:
  // More than run at once on most machines; others are freed.
  static constexpr size_t kKept = 16;

  void Return(std::unique_ptr<T> object) {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kKept) waiting_.push_back(std::move(object));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> waiting_;
};

}  // namespace torpor
