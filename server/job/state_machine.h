// The life of a job: which state may follow which.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// SUCCEEDED, FAILED, CANCELLED.
bool IsEnded(v1::JobState::Kind state);

// QUEUED -> RUNNING, FAILED, CANCELLED; RUNNING -> QUEUED (interrupted), CANCELLING, SUCCEEDED,
// FAILED; CANCELLING -> CANCELLED. A running job is cancelled by way of CANCELLING, and a job that
// is being cancelled never publishes anything.
bool MayFollow(v1::JobState::Kind from, v1::JobState::Kind to);

// Changes state and reason, and sets start_time (first RUNNING) and end_time (ended).
// FAILED_PRECONDITION with reason ILLEGAL_TRANSITION, and no change, unless MayFollow.
absl::Status Transition(v1::Job& job, v1::JobState::Kind to, const std::string& reason);

}  // namespace torpor
