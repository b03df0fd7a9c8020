#include "server/services/job_service.h"

#include <memory>
#include <mutex>
#include <utility>

#include "server/services/status.h"
#include "server/services/unary.h"

namespace torpor {
namespace {

grpc::Status Busy() {
  return ToGrpc(WithRetry(
      WithReason(absl::ResourceExhaustedError("too many calls are waiting"), "SERVER_BUSY"),
      absl::Milliseconds(200)));
}

// Sends what a JobWatch has to say. Reading the logs is done on the executor, one pump at a time;
// the next message is fetched only once the last one was written, so a slow client holds nothing up
// and nothing piles up for it.
class WatchReactor final : public grpc::ServerWriteReactor<v1::WatchJobResponse> {
 public:
  explicit WatchReactor(BlockingExecutor* executor) : executor_(executor) {}
  // First of all no more calls of Wake, which uses everything else.
  ~WatchReactor() override { watch_.reset(); }

  // Call once, on the executor. The reactor may be gone when it returns.
  void Begin(JobManager* manager, const v1::WatchJobRequest& request) {
    absl::StatusOr<std::unique_ptr<JobWatch>> watch =
        manager->Watch(request, [this] { return Wake(); });
    if (!watch.ok()) {
      Finish(ToGrpc(watch.status()));
      return;
    }
    watch_ = *std::move(watch);
    Pump();
  }

  void OnWriteDone(bool ok) override {
    std::unique_lock lock(mutex_);
    writing_ = false;
    if (!ok || cancelled_) return End(lock, grpc::Status::CANCELLED);
    if (!Schedule()) End(lock, Busy());
  }

  void OnCancel() override {
    std::unique_lock lock(mutex_);
    cancelled_ = true;
    // A pump or a write that is under way ends the call itself.
    if (state_ == State::kIdle && !writing_) End(lock, grpc::Status::CANCELLED);
  }

  void OnDone() override {
    // The watch waits for its listener, which must not happen in a reaction.
    if (!executor_->Run([this] { delete this; })) delete this;
  }

 private:
  // Whether a pump is wanted, running, or to be run once more.
  enum class State { kIdle, kQueued, kRunning, kRunAgain, kFinished };

  // The job changed. True if a pump will see it.
  bool Wake() {
    std::unique_lock lock(mutex_);
    // After a write has ended the pump runs anyhow.
    if (writing_) return true;
    return Schedule();
  }

  // With the lock held. False if the executor is full.
  bool Schedule() {
    switch (state_) {
      case State::kIdle:
        if (!executor_->Run([this] { Pump(); })) return false;
        state_ = State::kQueued;
        return true;
      case State::kRunning:
        state_ = State::kRunAgain;
        return true;
      default:
        return true;
    }
  }

  // Writes the next message, or goes idle, or finishes.
  void Pump() {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        state_ = State::kRunning;
        if (cancelled_) return End(lock, grpc::Status::CANCELLED);
      }
      absl::StatusOr<std::optional<v1::WatchJobResponse>> next = watch_->Next();
      std::unique_lock lock(mutex_);
      if (!next.ok()) return End(lock, ToGrpc(next.status()));
      if (next->has_value()) {
        message_ = **std::move(next);
        writing_ = true;
        state_ = State::kIdle;
        lock.unlock();
        // Last: OnWriteDone may end the reactor at once.
        StartWrite(&message_);
        return;
      }
      if (watch_->done()) return End(lock, grpc::Status::OK);
      if (cancelled_ || state_ == State::kRunAgain) continue;
      state_ = State::kIdle;
      return;
    }
  }

  void End(std::unique_lock<std::mutex>& lock, const grpc::Status& status) {
    state_ = State::kFinished;
    lock.unlock();
    Finish(status);
  }

  BlockingExecutor* const executor_;
  std::unique_ptr<JobWatch> watch_;
  v1::WatchJobResponse message_;
  std::mutex mutex_;
  State state_ = State::kRunning;
  bool writing_ = false;
  bool cancelled_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* JobServiceImpl::CreateJob(grpc::CallbackServerContext* context,
                                                    const v1::CreateJobRequest* request,
                                                    v1::Job* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::CreateJobRequest& r) { return manager_->Create(r); });
}

grpc::ServerUnaryReactor* JobServiceImpl::GetJob(grpc::CallbackServerContext* context,
                                                 const v1::GetJobRequest* request, v1::Job* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::GetJobRequest& r) { return manager_->Get(r.name()); });
}

grpc::ServerUnaryReactor* JobServiceImpl::ListJobs(grpc::CallbackServerContext* context,
                                                   const v1::ListJobsRequest* request,
                                                   v1::ListJobsResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::ListJobsRequest& r) { return manager_->List(r); });
}

grpc::ServerUnaryReactor* JobServiceImpl::CancelJob(grpc::CallbackServerContext* context,
                                                    const v1::CancelJobRequest* request,
                                                    v1::Job* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::CancelJobRequest& r) { return manager_->Cancel(r); });
}

grpc::ServerWriteReactor<v1::WatchJobResponse>* JobServiceImpl::WatchJob(
    grpc::CallbackServerContext*, const v1::WatchJobRequest* request) {
  auto* reactor = new WatchReactor(executor_);
  const bool accepted = executor_->Run(
      [reactor, manager = manager_, request = *request] { reactor->Begin(manager, request); });
  if (!accepted) reactor->Finish(Busy());
  return reactor;
}

}  // namespace torpor
