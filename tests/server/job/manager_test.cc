// The life of a job under the manager: slots, attempts, interruptions, cancelling. The executor
// does what the test says.
#include "gmock/gmock.h"
#include "tests/server/job/manager_fake_fixture.h"

namespace torpor {
namespace {

using testing::HasSubstr;
using v1::JobState;

TEST_F(ManagerFakeTest, JobsWaitForASlotAndRunInTheOrderTheyCame) {
  Start();
  for (const char* id : {"c", "a", "b"}) Submit(id, kTrain);
  WaitForState("c", JobState::RUNNING, 1);
  EXPECT_EQ(Get("a").reason(), "WAITING_FOR_SLOT");
  EXPECT_EQ(Get("b").state(), JobState::QUEUED);
  WriteSuccess("c", 1, 0.5);
  End("c", 0);
  WaitForState("a", JobState::RUNNING, 1);
  EXPECT_EQ(Get("b").state(), JobState::QUEUED);
  EXPECT_EQ(workers_.running.size(), 1u);
}

TEST_F(ManagerFakeTest, AnAttemptIsAFencingToken) {
  Start();
  SubmitAndRun("j", kTrain);
  End("j", -1, 9);
  WaitForState("j", JobState::RUNNING, 2);
  // The first worker was not dead after all: its result comes late and is never published.
  WriteSuccess("j", 1, 0.1);
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(Get("j").state(), JobState::RUNNING);
  End("j", -1, 9);
  WaitForState("j", JobState::RUNNING, 3);
  EXPECT_TRUE(models_->List({})->models().empty());
  WriteSuccess("j", 3, 0.9);
  End("j", 0);
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.metrics().at("test_accuracy"), 0.9);
  EXPECT_EQ(models_->List({})->models_size(), 1);
}

TEST_F(ManagerFakeTest, AResultThatNamesAnotherAttemptIsNone) {
  Start();
  SubmitAndRun("j", std::string("max_attempts: 1 ") + kTrain);
  WriteSuccess("j", 7, 0.1);
  ASSERT_TRUE(posix_
                  ->WriteAtomically(DirectoryOf("j").ResultPath(1),
                                    *posix_->Read(DirectoryOf("j").ResultPath(7)))
                  .ok());
  End("j", 0);
  EXPECT_EQ(WaitForEnd("j").reason(), "ATTEMPTS_SPENT");
}

TEST_F(ManagerFakeTest, InterruptionsOnRequestDoNotCountAsAttempts) {
  Start();
  Submit("j", std::string("max_attempts: 2 ") + kTrain);
  for (int attempt = 1; attempt <= 4; ++attempt) {
    WaitForState("j", JobState::RUNNING, attempt);
    ASSERT_TRUE(posix_->WriteAtomically(DirectoryOf("j").InterruptedPath(attempt), "").ok());
    End("j", static_cast<int>(WorkerExitCode::kInterrupted));
  }
  WaitForState("j", JobState::RUNNING, 5);
  End("j", -1, 11);
  WaitForState("j", JobState::RUNNING, 6);
  End("j", -1, 11);
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.reason(), "ATTEMPTS_SPENT");
  EXPECT_THAT(job.error().message(), HasSubstr("signal 11"));
  EXPECT_THAT(job.error().message(), HasSubstr("attempts/6/worker.log"));
}

TEST_F(ManagerFakeTest, AFullDiskIsTheReasonAndNotAnInterruption) {
  Start();
  SubmitAndRun("j", kTrain);
  End("j", static_cast<int>(WorkerExitCode::kDiskFull));
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::FAILED);
  EXPECT_EQ(job.reason(), "DISK_FULL");
}

TEST_F(ManagerFakeTest, CancellingTakesAQueuedJobAtOnceAndARunningOneByItsFile) {
  Start();
  Submit("first", kTrain);
  Submit("second", kTrain);
  WaitForState("first", JobState::RUNNING, 1);
  EXPECT_EQ(Cancel("second")->state(), JobState::CANCELLED);
  EXPECT_EQ(Get("second").attempt(), 0);
  EXPECT_EQ(Cancel("first")->state(), JobState::CANCELLING);
  EXPECT_EQ(Cancel("first")->state(), JobState::CANCELLING);
  EXPECT_TRUE(*posix_->Exists(DirectoryOf("first").CancelPath()));
  // Done just before it saw the file: cancelled is cancelled, nothing is published.
  EXPECT_EQ(SucceedWithModel("first", 0.9).state(), JobState::CANCELLED);
  EXPECT_TRUE(models_->List({})->models().empty());
  EXPECT_EQ(Cancel("first").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Cancel("nobody").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(workers_.started, 1);
}

TEST_F(ManagerFakeTest, ACancelledWorkerThatDoesNotEndIsKilled) {
  options_.cancel_patience = absl::Milliseconds(50);
  Start();
  SubmitAndRun("deaf", kTrain);
  ASSERT_TRUE(Cancel("deaf").ok());
  for (int i = 0; i < 1000; ++i) {
    {
      const std::lock_guard lock(workers_.mutex);
      if (!workers_.killed.empty()) break;
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  ASSERT_FALSE(workers_.killed.empty());
  End("deaf", -1, 9);
  EXPECT_EQ(WaitForEnd("deaf").state(), JobState::CANCELLED);
}

TEST_F(ManagerFakeTest, DirectoriesOfJobsThatWereNeverAcknowledgedAreRemovedAtStart) {
  Start();
  Submit("known", kTrain);
  ASSERT_TRUE(posix_->CreateDirectories(DirectoryOf("unknown").path()).ok());
  Start();
  EXPECT_FALSE(*posix_->Exists(DirectoryOf("unknown").path()));
  EXPECT_TRUE(*posix_->Exists(DirectoryOf("known").path()));
}

}  // namespace
}  // namespace torpor
