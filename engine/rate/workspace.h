// Memory for one running batch, used again by the next: a fresh allocation of this size is handed
// back to the system each time, and its page faults cost a tenth of a batch.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace torpor {

struct Workspace {
  // Activations of one layer and of the next, [samples x values] flat.
  std::vector<float> here;
  std::vector<float> there;
  std::vector<float> noise;
  // One sample's spread image and sums in a convolution.
  std::vector<float> image;
  std::vector<float> sums;
};

// Workspaces that wait for work. Thread-safe; the lock is held for a pointer's move alone.
class WorkspacePool {
 public:
  // Returns its workspace when it goes out of scope.
  class Lease {
   public:
    Lease(WorkspacePool* pool, std::unique_ptr<Workspace> workspace)
        : pool_(pool), workspace_(std::move(workspace)) {}
    ~Lease() { pool_->Return(std::move(workspace_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Workspace& operator*() const { return *workspace_; }

   private:
    WorkspacePool* pool_;
    std::unique_ptr<Workspace> workspace_;
  };

  Lease Take() {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) return Lease(this, std::make_unique<Workspace>());
    std::unique_ptr<Workspace> workspace = std::move(waiting_.back());
    waiting_.pop_back();
    return Lease(this, std::move(workspace));
  }

 private:
  // More than run at once on most machines; others are freed.
  static constexpr size_t kKept = 16;

  void Return(std::unique_ptr<Workspace> workspace) {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kKept) waiting_.push_back(std::move(workspace));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> waiting_;
};

}  // namespace torpor
