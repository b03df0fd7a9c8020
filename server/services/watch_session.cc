#include "server/services/watch_session.h"

#include <utility>

#include "engine/base/status.h"
#include "server/services/status.h"

namespace torpor {
namespace {

// A watcher that reads nothing for so many events is let go.
constexpr size_t kMaximumQueue = 1000;

}  // namespace

WatchSessionReactor::WatchSessionReactor(SessionRegistry* sessions, const std::string& name)
    : sessions_(sessions) {
  absl::StatusOr<int64_t> token =
      sessions->Subscribe(name, [this](const v1::SessionEvent& event) { Push(event); });
  if (token.ok()) {
    token_ = *token;
    return;
  }
  Step step;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    status_ = token.status();
    step = Next();
  }
  Act(step);
}

WatchSessionReactor::Step WatchSessionReactor::Next() {
  if (finished_ || writing_) return Step::kNothing;
  if (!queue_.empty()) {
    writing_ = true;
    return Step::kWrite;
  }
  if (!ending_) return Step::kNothing;
  finished_ = true;
  return Step::kFinish;
}

void WatchSessionReactor::Act(Step step) {
  // The front stays where it is until OnWriteDone: pushing to the back of a deque moves no element.
  if (step == Step::kWrite) StartWrite(&queue_.front());
  if (step == Step::kFinish) Finish(ToGrpc(status_));
}

void WatchSessionReactor::Push(const v1::SessionEvent& event) {
  Step step;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    queue_.push_back(event);
    if (event.has_deleted()) ending_ = true;
    if (queue_.size() > kMaximumQueue) {
      ending_ = true;
      queue_.erase(queue_.begin() + 1, queue_.end());
      status_ = WithReason(
          absl::ResourceExhaustedError("the watcher reads too slowly; watch again for a snapshot"),
          "WATCHER_TOO_SLOW");
    }
    step = Next();
  }
  Act(step);
}

void WatchSessionReactor::OnWriteDone(bool ok) {
  Step step;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    queue_.pop_front();
    if (!ok) {
      ending_ = true;
      queue_.clear();
    }
    step = Next();
  }
  Act(step);
}

void WatchSessionReactor::OnCancel() {
  Step step;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    status_ = absl::CancelledError("cancelled");
    if (!writing_) queue_.clear();
    step = Next();
  }
  Act(step);
}

void WatchSessionReactor::OnDone() {
  if (token_ != 0) sessions_->Unsubscribe(token_);
  delete this;
}

}  // namespace torpor
