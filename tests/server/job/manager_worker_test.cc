// The manager with the real torpor-worker.
#include <signal.h>

#include <fstream>

#include "absl/strings/match.h"
#include "engine/base/status.h"
#include "engine/job/event_log.h"
#include "gmock/gmock.h"
#include "tests/server/job/manager_fixture.h"

namespace torpor {
namespace {

using v1::JobState;

constexpr char kShortTrain[] =
    "train { dataset: 'synthetic-digits' epochs: 4 learning_rate: 0.01 batch_size: 50 seed: 5 }";
// Some seconds of epochs.
constexpr char kLongTrain[] =
    "train { dataset: 'synthetic-digits' epochs: 80 learning_rate: 0.01 batch_size: 10 seed: 5 }";
constexpr char kEndlessTrain[] =
    "train { dataset: 'synthetic-digits' epochs: 100000 learning_rate: 0.01 batch_size: 100 }";

class ManagerWorkerTest : public ManagerTest {
 protected:
  ManagerWorkerTest() { options_.worker_arguments = {"--checkpoint-seconds", "0"}; }

  pid_t WorkerOf(const std::string& id) {
    std::ifstream lock(DirectoryOf(id).LockPath());
    pid_t pid = 0;
    lock >> pid;
    return pid;
  }
  // Waits until the job has written a checkpoint in this attempt.
  void WaitForCheckpoint(const std::string& id, int attempt) {
    for (int i = 0; i < 6000; ++i) {
      const auto content = posix_->Read(DirectoryOf(id).EventsPath(attempt));
      if (content.ok()) {
        for (const v1::JobEvent& event : ParseEvents(*content).events) {
          if (event.has_checkpointed()) return;
        }
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    FAIL() << "no checkpoint";
  }
  int ResumedFrom(const std::string& id, int attempt) {
    const ParsedEvents parsed = ParseEvents(*posix_->Read(DirectoryOf(id).EventsPath(attempt)));
    return parsed.events.at(0).started().resumed_from_epoch();
  }
};

TEST_F(ManagerWorkerTest, ATrainedModelIsPublishedAndServed) {
  StartManager();
  const v1::Job accepted = Submit("first", kShortTrain);
  EXPECT_EQ(accepted.name(), "jobs/first");
  EXPECT_EQ(accepted.state(), JobState::QUEUED);
  EXPECT_EQ(accepted.spec().train().loss(), v1::Loss::BCE);
  EXPECT_EQ(accepted.spec().train().dataset(), "datasets/synthetic-digits");
  const v1::Job job = WaitForEnd("first");
  ASSERT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.attempt(), 1);
  EXPECT_EQ(job.reason(), "DONE");
  EXPECT_EQ(job.progress().fraction(), 1);
  EXPECT_GT(job.metrics().at("test_accuracy"), 0.5);
  EXPECT_EQ(job.provenance().seed(), 5u);
  EXPECT_TRUE(job.has_start_time() && job.has_end_time());
  EXPECT_NE(job.etag(), accepted.etag());

  const auto model = models_->Get(job.model());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->source(), "jobs/first");
  EXPECT_EQ(model->metrics().at("test_accuracy"), job.metrics().at("test_accuracy"));
  const auto session = sessions_->Get("sessions/digits");
  EXPECT_EQ(session->model(), job.model());
  EXPECT_EQ(session->generation(), 2);
  EXPECT_EQ(session->calibration().samples(), 2000);
}

TEST_F(ManagerWorkerTest, NoDeployLeavesTheSessionAlone) {
  StartManager();
  Submit("quiet", "train { dataset: 'datasets/synthetic-digits' epochs: 1 no_deploy: true }");
  const v1::Job job = WaitForEnd("quiet");
  EXPECT_TRUE(models_->Get(job.model()).ok());
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), 1);
}

TEST_F(ManagerWorkerTest, CalibrateEvaluateAndSweepWorkOnTheSession) {
  StartManager();
  v1::SetPowerModeRequest mode;
  mode.set_session("sessions/digits");
  mode.mutable_power_mode()->set_epsilon(0.5);
  ASSERT_TRUE(sessions_->SetPowerMode(mode).ok());
  Submit("statistics", "calibrate { dataset: 'synthetic-digits' samples: 500 }");
  const v1::Job calibrated = WaitForEnd("statistics");
  ASSERT_EQ(calibrated.state(), JobState::SUCCEEDED) << calibrated.error().message();
  EXPECT_EQ(calibrated.reason(), "DONE");
  const auto session = sessions_->Get("sessions/digits");
  EXPECT_EQ(session->calibration().samples(), 500);
  EXPECT_EQ(session->power_mode().epsilon(), 0.5);

  Submit("figures", "evaluate { dataset: 'synthetic-digits' }");
  const v1::Job evaluated = WaitForEnd("figures");
  ASSERT_EQ(evaluated.state(), JobState::SUCCEEDED) << evaluated.error().message();
  EXPECT_LT(evaluated.metrics().at("nasp"), 1);
  EXPECT_EQ(evaluated.model(), "");
  Submit("grid",
         "power_sweep { dataset: 'synthetic-digits' epsilon: [1, 0.1] bias: [NONE, TABLE] }");
  const v1::Job swept = WaitForEnd("grid");
  ASSERT_EQ(swept.state(), JobState::SUCCEEDED) << swept.error().message();
  ASSERT_EQ(swept.rows_size(), 4);
  EXPECT_FALSE(swept.rows(3).has_error()) << swept.rows(3).error().message();
  EXPECT_LT(swept.rows(3).nasp(), swept.rows(0).nasp());
}

TEST_F(ManagerWorkerTest, AJobThatFailsSaysWhy) {
  StartManager();
  Submit("wild",
         "train { dataset: 'synthetic-digits' loss: CE optimizer: SGD learning_rate: 1e30 }");
  const v1::Job job = WaitForEnd("wild");
  EXPECT_EQ(job.state(), JobState::FAILED);
  EXPECT_EQ(job.reason(), "DIVERGED");
  EXPECT_THAT(job.error().message(), testing::HasSubstr("finite"));
  EXPECT_EQ(job.model(), "");
  EXPECT_EQ(job.attempt(), 1);
}

TEST_F(ManagerWorkerTest, ACancelledJobEndsSoonAndPublishesNothing) {
  StartManager();
  Submit("endless", kEndlessTrain);
  WaitUntil("endless", [](const v1::Job& job) { return job.progress().epoch() > 0; });
  v1::CancelJobRequest cancel;
  cancel.set_name("jobs/endless");
  cancel.set_etag("\"999\"");
  EXPECT_EQ(manager_->Cancel(cancel).status().code(), absl::StatusCode::kAborted);
  cancel.clear_etag();
  const auto cancelling = manager_->Cancel(cancel);
  ASSERT_TRUE(cancelling.ok()) << cancelling.status();
  EXPECT_EQ(cancelling->state(), JobState::CANCELLING);
  const v1::Job job = WaitForEnd("endless");
  EXPECT_EQ(job.state(), JobState::CANCELLED);
  EXPECT_EQ(job.reason(), "USER");
  EXPECT_EQ(job.model(), "");
  EXPECT_FALSE(WorkerAlive(DirectoryOf("endless").path()));
  EXPECT_EQ(ReasonOf(manager_->Cancel(cancel).status()), "JOB_ENDED");
}

TEST_F(ManagerWorkerTest, AKilledWorkersJobGoesOnFromItsCheckpointToTheSameBits) {
  StartManager();
  Submit("whole", kLongTrain);
  const v1::Job whole = WaitForEnd("whole");
  Submit("killed", kLongTrain);
  WaitForCheckpoint("killed", 1);
  ASSERT_EQ(kill(WorkerOf("killed"), SIGKILL), 0);
  const v1::Job job = WaitForEnd("killed");
  ASSERT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_GT(ResumedFrom("killed", 2), 0);
  EXPECT_EQ(models_->Get(job.model())->digest(), models_->Get(whole.model())->digest());
}

TEST_F(ManagerWorkerTest, ARestartedServerFollowsTheWorkerThatRunsOn) {
  StartManager();
  Submit("patient", kLongTrain);
  WaitForCheckpoint("patient", 1);
  const pid_t worker = WorkerOf("patient");
  StartManager();
  EXPECT_EQ(Get("patient").state(), JobState::RUNNING);
  EXPECT_EQ(WorkerOf("patient"), worker);
  const v1::Job job = WaitForEnd("patient");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.attempt(), 1);
  EXPECT_EQ(sessions_->Get("sessions/digits")->model(), job.model());
}

TEST_F(ManagerWorkerTest, ARestartedServerCancelsAWorkerThatItDidNotStart) {
  StartManager();
  Submit("endless", kEndlessTrain);
  WaitForCheckpoint("endless", 1);
  StartManager();
  v1::CancelJobRequest cancel;
  cancel.set_name("jobs/endless");
  ASSERT_TRUE(manager_->Cancel(cancel).ok());
  EXPECT_EQ(WaitForEnd("endless").state(), JobState::CANCELLED);
}

TEST_F(ManagerWorkerTest, AResultWrittenWhileNoServerWasThereIsPublishedAtTheNextStart) {
  StartManager();
  Submit("lonely", kShortTrain);
  WaitUntil("lonely", [](const v1::Job& job) { return job.state() == JobState::RUNNING; });
  manager_.reset();
  for (int i = 0; i < 3000 && !posix_->Exists(DirectoryOf("lonely").ResultPath(1)).value_or(false);
       ++i) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  StartManager();
  const v1::Job job = WaitForEnd("lonely");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.attempt(), 1);
  EXPECT_TRUE(models_->Get(job.model()).ok());
}

TEST_F(ManagerWorkerTest, AWorkerThatDiedWhileNoServerWasThereIsReplaced) {
  StartManager();
  Submit("orphan", kLongTrain);
  WaitForCheckpoint("orphan", 1);
  manager_.reset();
  ASSERT_EQ(kill(WorkerOf("orphan"), SIGKILL), 0);
  StartManager();
  const v1::Job job = WaitForEnd("orphan");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_GT(ResumedFrom("orphan", 2), 0);
}

TEST_F(ManagerWorkerTest, StoppingTheServerInterruptsJobsAtNoCost) {
  StartManager();
  Submit("paused", std::string("max_attempts: 1 ") + kLongTrain);
  WaitForCheckpoint("paused", 1);
  manager_->Stop();
  const v1::Job paused = Get("paused");
  EXPECT_EQ(paused.state(), JobState::QUEUED);
  EXPECT_EQ(paused.reason(), "INTERRUPTED");
  EXPECT_FALSE(WorkerAlive(DirectoryOf("paused").path()));
  StartManager();
  const v1::Job job = WaitForEnd("paused");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_GT(ResumedFrom("paused", 2), 0);
}

TEST_F(ManagerWorkerTest, AWorkerThatAlwaysDiesSpendsTheAttempts) {
  options_.worker = "/bin/false";
  StartManager();
  Submit("hopeless", std::string("max_attempts: 2 ") + kShortTrain);
  const v1::Job job = WaitForEnd("hopeless");
  EXPECT_EQ(job.state(), JobState::FAILED);
  EXPECT_EQ(job.reason(), "ATTEMPTS_SPENT");
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_THAT(job.error().message(), testing::HasSubstr("exit code 1"));
}

TEST_F(ManagerWorkerTest, AWorkerThatCannotBeStartedFailsTheJob) {
  options_.worker = scratch_.path() + "/no-such-worker";
  StartManager();
  Submit("nobody", kShortTrain);
  const v1::Job job = WaitForEnd("nobody");
  EXPECT_EQ(job.state(), JobState::FAILED);
  EXPECT_EQ(job.reason(), "WORKER_NOT_STARTED");
  EXPECT_THAT(job.error().message(), testing::HasSubstr("no-such-worker"));
}

}  // namespace
}  // namespace torpor
