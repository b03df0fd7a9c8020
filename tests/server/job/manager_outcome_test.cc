// What becomes of what a worker leaves: models are published and installed, found modes put in
// force, once and only where they still fit.
#include "tests/server/job/manager_fake_fixture.h"

namespace torpor {
namespace {

using v1::JobState;

TEST_F(ManagerFakeTest, AModelThatIsNotTheReportedOneIsNotPublished) {
  Start();
  SubmitAndRun("j", kTrain);
  WriteSuccess("j", 1, 0.5);
  ASSERT_TRUE(posix_->WriteAtomically(DirectoryOf("j").ModelPath(1), "something else").ok());
  End("j", 0);
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::FAILED);
  EXPECT_EQ(job.reason(), "MODEL_CORRUPT");
  EXPECT_TRUE(models_->List({})->models().empty());
}

TEST_F(ManagerFakeTest, AnEpochIsServedWhileTheNextOneTrains) {
  Start();
  SubmitAndRun("j", kTrain);
  const int64_t generation = sessions_->Get("sessions/digits")->generation();
  WriteEpoch("j", 1, 1, 11);
  WaitForModel("models/j-epoch-1");
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), generation + 1);
  EXPECT_EQ(Get("j").state(), JobState::RUNNING);
  WriteEpoch("j", 1, 2, 12);
  WaitForModel("models/j-epoch-2");
  EXPECT_EQ(models_->Get("models/j-epoch-1")->source(), "jobs/j");

  // A server that comes back while the job runs serves the newest one still, once.
  const int64_t before = sessions_->Get("sessions/digits")->generation();
  Start();
  EXPECT_EQ(sessions_->Get("sessions/digits")->model(), "models/j-epoch-2");
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), before);
}

TEST_F(ManagerFakeTest, AnEpochWhoseModelWasOverwrittenIsLeftToTheNextOne) {
  Start();
  SubmitAndRun("j", kTrain);
  WriteEpoch("j", 1, 1, 11);
  WaitForModel("models/j-epoch-1");
  ASSERT_TRUE(posix_->WriteAtomically(DirectoryOf("j").EpochModelPath(1), "half a model").ok());
  AppendEpoch("j", 1, 2, std::string(64, '0'));
  EXPECT_EQ(SucceedWithModel("j", 0.5).state(), JobState::SUCCEEDED);
  EXPECT_FALSE(models_->Get("models/j-epoch-2").ok());
  EXPECT_EQ(sessions_->Get("sessions/digits")->model(), "models/j");
}

TEST_F(ManagerFakeTest, ACancelledJobServesNoMoreEpochs) {
  Start();
  SubmitAndRun("j", kTrain);
  ASSERT_TRUE(Cancel("j").ok());
  WriteEpoch("j", 1, 1, 11);
  End("j", 0);
  EXPECT_EQ(WaitForEnd("j").state(), JobState::CANCELLED);
  EXPECT_TRUE(models_->List({})->models().empty());
}

TEST_F(ManagerFakeTest, ASessionThatIsGoneKeepsTheModelFromBeingLost) {
  Start();
  SubmitAndRun("j", kTrain);
  DeleteSession();
  const v1::Job job = SucceedWithModel("j", 0.5);
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.reason(), "SESSION_GONE");
  EXPECT_TRUE(models_->Get(job.model()).ok());
}

TEST_F(ManagerFakeTest, StatisticsOfParametersThatWereReplacedAreNotInstalled) {
  options_.slots = 2;
  Start();
  SubmitAndRun("slow", "calibrate { dataset: 'synthetic-digits' }");
  // Meanwhile the session gets other parameters.
  ReplaceParameters();
  EXPECT_EQ(SucceedWithModel("slow", 0).reason(), "SESSION_CHANGED");
  EXPECT_EQ(sessions_->Get("sessions/digits")->model(), "models/other");
}

TEST_F(ManagerFakeTest, AModelNameThatIsTakenIsNotOverwritten) {
  const auto taken = models_->Publish("j", sessions_->Snapshot("sessions/digits")->archive, {});
  ASSERT_TRUE(taken.ok()) << taken.status();
  Start();
  SubmitAndRun("j", kTrain);
  const v1::Job job = SucceedWithModel("j", 0.5);
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_NE(job.model(), "models/j");
  EXPECT_EQ(models_->Get(job.model())->source(), "jobs/j");
}

TEST_F(ManagerFakeTest, PublishingAgainAfterACrashPublishesOnce) {
  Start();
  SubmitAndRun("j", kTrain);
  WriteSuccess("j", 1, 0.5);
  // What a server leaves that died between publishing and storing the outcome.
  v1::Model fields;
  fields.set_source("jobs/j");
  ASSERT_TRUE(models_->Publish("j", *posix_->Read(DirectoryOf("j").ModelPath(1)), fields).ok());
  Start();
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.model(), "models/j");
  EXPECT_EQ(models_->List({})->models_size(), 1);
}

TEST_F(ManagerFakeTest, AFoundModeIsPutInForceOnlyWhereThatWasAsked) {
  Start();
  SubmitAndRun("quiet", kSearch);
  v1::Job job = SucceedWithMode("quiet", 0.3);
  EXPECT_EQ(job.reason(), "DONE");
  EXPECT_EQ(job.found_mode().epsilon(), 0.3);
  EXPECT_EQ(job.rows_size(), 1);
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), 1);

  SubmitAndRun("applied", kApply);
  job = SucceedWithMode("applied", 0.4);
  EXPECT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.found_mode().epsilon(), 0.4);
  EXPECT_EQ(sessions_->Get("sessions/digits")->power_mode().epsilon(), 0.4);
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), 2);
}

TEST_F(ManagerFakeTest, ApplyingAgainAfterACrashLeavesWhatTheUserHasSetSince) {
  Start();
  SubmitAndRun("j", kApply);
  // What a server leaves that died between applying and storing the outcome: the same judge, as
  // often as one likes.
  WriteFound("j", 1, 0.4);
  const OutcomeJudge judge(posix_.get(), sessions_.get(), models_.get());
  const v1::Job running = Get("j");
  manager_.reset();
  EXPECT_EQ(judge.Judge(running, DirectoryOf("j"), std::nullopt).state, JobState::SUCCEEDED);
  EXPECT_EQ(sessions_->Get("sessions/digits")->power_mode().epsilon(), 0.4);
  SetEpsilon(0.9);
  Start();
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.found_mode().epsilon(), 0.4);
  EXPECT_EQ(sessions_->Get("sessions/digits")->power_mode().epsilon(), 0.9);
}

TEST_F(ManagerFakeTest, AModeFoundForOtherParametersOrForASessionThatIsGoneIsNotApplied) {
  options_.slots = 2;
  Start();
  SubmitAndRun("changed", kApply);
  ReplaceParameters();
  v1::Job job = SucceedWithMode("changed", 0.4);
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.reason(), "SESSION_CHANGED");
  EXPECT_EQ(job.found_mode().epsilon(), 0.4);
  EXPECT_EQ(sessions_->Get("sessions/digits")->power_mode().epsilon(), 0);

  SubmitAndRun("gone", kApply);
  DeleteSession();
  job = SucceedWithMode("gone", 0.4);
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.reason(), "SESSION_GONE");
}

// Cancelling wins over a result that came at the same time: nothing is put in force.
TEST_F(ManagerFakeTest, ASearchThatWasCancelledAppliesNothing) {
  Start();
  SubmitAndRun("j", kApply);
  ASSERT_TRUE(Cancel("j").ok());
  const v1::Job job = SucceedWithMode("j", 0.4);
  EXPECT_EQ(job.state(), JobState::CANCELLED);
  EXPECT_FALSE(job.has_found_mode());
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), 1);
}

}  // namespace
}  // namespace torpor
