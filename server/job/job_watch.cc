#include "server/job/job_watch.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"
#include "engine/job/event_log.h"
#include "server/job/state_machine.h"

namespace torpor {

JobWatch::JobWatch(JobSource* source, std::string name, int64_t from_sequence, int64_t token)
    : source_(source),
      name_(std::move(name)),
      from_sequence_(from_sequence),
      token_(token),
      attempt_(std::max(1, AttemptOf(from_sequence))),
      tail_(source->EventsPath(name_, attempt_)) {}

JobWatch::~JobWatch() { source_->RemoveWatch(token_); }

absl::StatusOr<std::optional<v1::WatchJobResponse>> JobWatch::Next() {
  std::optional<v1::WatchJobResponse> message;
  if (done_) return message;
  if (pending_.empty()) {
    // The job before its logs: once it has ended they are complete.
    TORPOR_ASSIGN_OR_RETURN(v1::Job job, source_->Get(name_));
    if (!sent_.has_value()) {
      message = SendJob(job);
      return message;
    }
    const bool changed = job.state() != sent_->state() || job.attempt() != sent_->attempt() ||
                         job.reason() != sent_->reason();
    // A new attempt is announced before its events, and after those of the attempts before it.
    const bool begins = changed && job.state() == v1::JobState::RUNNING;
    ReadEvents(begins ? job.attempt() - 1 : job.attempt());
    if (pending_.empty() && IsEnded(job.state())) {
      message = SendJob(job);
      done_ = true;
      return message;
    }
    if (pending_.empty() && changed) message = SendJob(job);
  }
  if (!pending_.empty()) {
    message.emplace();
    *message->mutable_event() = std::move(pending_.front());
    pending_.pop_front();
  }
  return message;
}

v1::WatchJobResponse JobWatch::SendJob(const v1::Job& job) {
  sent_ = job;
  v1::WatchJobResponse message;
  *message.mutable_job() = job;
  return message;
}

void JobWatch::ReadEvents(int last_attempt) {
  while (attempt_ <= last_attempt) {
    std::vector<v1::JobEvent> events = tail_.Read();
    if (events.empty()) {
      if (attempt_ == last_attempt) return;
      ++attempt_;
      tail_ = EventTail(source_->EventsPath(name_, attempt_));
      continue;
    }
    // Of the progress in this chunk the latest wins; nothing else is left out.
    const auto latest = std::find_if(events.rbegin(), events.rend(), [](const v1::JobEvent& event) {
      return event.has_progress();
    });
    const int64_t latest_progress = latest == events.rend() ? 0 : latest->sequence();
    for (v1::JobEvent& event : events) {
      if (event.sequence() <= from_sequence_) continue;
      if (event.has_progress() && event.sequence() != latest_progress) continue;
      pending_.push_back(std::move(event));
    }
    if (!pending_.empty()) return;
  }
}

}  // namespace torpor
