#include "server/job/state_machine.h"

#include <set>
#include <utility>

#include "engine/base/status.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using v1::JobState;

TEST(JobStateMachineTest, EveryPairOfStatesIsLegalOrRefused) {
  const std::set<std::pair<JobState::Kind, JobState::Kind>> legal = {
      {JobState::QUEUED, JobState::RUNNING},     {JobState::QUEUED, JobState::FAILED},
      {JobState::QUEUED, JobState::CANCELLED},   {JobState::RUNNING, JobState::QUEUED},
      {JobState::RUNNING, JobState::CANCELLING}, {JobState::RUNNING, JobState::SUCCEEDED},
      {JobState::RUNNING, JobState::FAILED},     {JobState::CANCELLING, JobState::CANCELLED},
  };
  for (int from = JobState::Kind_MIN; from <= JobState::Kind_MAX; ++from) {
    for (int to = JobState::Kind_MIN; to <= JobState::Kind_MAX; ++to) {
      const auto a = static_cast<JobState::Kind>(from);
      const auto b = static_cast<JobState::Kind>(to);
      SCOPED_TRACE(JobState::Kind_Name(a) + " -> " + JobState::Kind_Name(b));
      v1::Job job;
      job.set_name("jobs/j");
      job.set_state(a);
      job.set_reason("BEFORE");
      const absl::Status status = Transition(job, b, "AFTER");
      EXPECT_EQ(MayFollow(a, b), legal.count({a, b}) == 1);
      if (legal.count({a, b}) == 1) {
        ASSERT_TRUE(status.ok()) << status;
        EXPECT_EQ(job.state(), b);
        EXPECT_EQ(job.reason(), "AFTER");
        EXPECT_EQ(job.has_start_time(), b == JobState::RUNNING);
        EXPECT_EQ(job.has_end_time(), IsEnded(b));
      } else {
        EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
        EXPECT_EQ(ReasonOf(status), "ILLEGAL_TRANSITION");
        EXPECT_EQ(job.state(), a);
        EXPECT_EQ(job.reason(), "BEFORE");
        EXPECT_FALSE(job.has_end_time());
      }
    }
  }
}

TEST(JobStateMachineTest, TheFirstStartIsTheStartTime) {
  v1::Job job;
  job.set_state(JobState::QUEUED);
  ASSERT_TRUE(Transition(job, JobState::RUNNING, "DISPATCHED").ok());
  job.mutable_start_time()->set_seconds(17);
  ASSERT_TRUE(Transition(job, JobState::QUEUED, "INTERRUPTED").ok());
  ASSERT_TRUE(Transition(job, JobState::RUNNING, "DISPATCHED").ok());
  EXPECT_EQ(job.start_time().seconds(), 17);
}

}  // namespace
}  // namespace torpor
