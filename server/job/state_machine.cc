#include "server/job/state_machine.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/status.h"
#include "google/protobuf/util/time_util.h"

namespace torpor {

using v1::JobState;

bool IsEnded(JobState::Kind state) {
  return state == JobState::SUCCEEDED || state == JobState::FAILED || state == JobState::CANCELLED;
}

bool MayFollow(JobState::Kind from, JobState::Kind to) {
  switch (from) {
    case JobState::QUEUED:
      return to == JobState::RUNNING || to == JobState::FAILED || to == JobState::CANCELLED;
    case JobState::RUNNING:
      return to == JobState::QUEUED || to == JobState::CANCELLING || to == JobState::SUCCEEDED ||
             to == JobState::FAILED;
    case JobState::CANCELLING:
      return to == JobState::CANCELLED;
    default:
      return false;
  }
}

absl::Status Transition(v1::Job& job, JobState::Kind to, const std::string& reason) {
  if (!MayFollow(job.state(), to)) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat(job.name(), " is ", JobState::Kind_Name(job.state()),
                                       " and cannot become ", JobState::Kind_Name(to))),
                      "ILLEGAL_TRANSITION", {{"state", JobState::Kind_Name(job.state())}});
  }
  job.set_state(to);
  job.set_reason(reason);
  const google::protobuf::Timestamp now =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
  if (to == JobState::RUNNING && !job.has_start_time()) *job.mutable_start_time() = now;
  if (IsEnded(to)) *job.mutable_end_time() = now;
  return absl::OkStatus();
}

}  // namespace torpor
