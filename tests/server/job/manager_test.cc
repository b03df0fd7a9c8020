// The manager with an executor that does what the test says.
#include <map>
#include <mutex>

#include "absl/strings/match.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/job/event_log.h"
#include "gmock/gmock.h"
#include "tests/server/job/manager_fixture.h"
#include "tests/support/hooked_file_system.h"

namespace torpor {
namespace {

using testing::HasSubstr;
using v1::JobState;

constexpr char kTrain[] = "train { dataset: 'synthetic-digits' }";
constexpr char kSearch[] = "power_search { dataset: 'synthetic-digits' nasp: 0.5 }";
constexpr char kApply[] = "power_search { dataset: 'synthetic-digits' nasp: 0.5 apply: true }";
constexpr char kEvaluate[] = "evaluate { dataset: 'synthetic-digits' }";

// Workers that end when they are told to. Outlives the executor that the manager owns.
struct Workers {
  std::mutex mutex;
  std::map<std::string, std::pair<int, std::function<void(const WorkerExit&)>>>
      running;  // by directory
  std::vector<std::string> interrupted;
  std::vector<std::string> killed;
  int started = 0;
};

class FakeExecutor : public Executor {
 public:
  explicit FakeExecutor(Workers* workers) : workers_(workers) {}
  absl::Status Start(const Launch& launch,
                     std::function<void(const WorkerExit&)> on_exit) override {
    const std::lock_guard lock(workers_->mutex);
    ++workers_->started;
    workers_->running[launch.directory] = {launch.attempt, std::move(on_exit)};
    return absl::OkStatus();
  }
  void Interrupt(const std::string& directory) override {
    const std::lock_guard lock(workers_->mutex);
    workers_->interrupted.push_back(directory);
  }
  void Kill(const std::string& directory) override {
    const std::lock_guard lock(workers_->mutex);
    workers_->killed.push_back(directory);
  }

 private:
  Workers* const workers_;
};

class ManagerFakeTest : public ManagerTest {
 protected:
  void Start() { StartManager(std::make_unique<FakeExecutor>(&workers_)); }

  v1::Job WaitForState(const std::string& id, JobState::Kind state, int attempt) {
    return WaitUntil(
        id, [=](const v1::Job& job) { return job.state() == state && job.attempt() == attempt; });
  }
  // Ends the worker of a job.
  void End(const std::string& id, int code, int signal = 0) {
    std::function<void(const WorkerExit&)> on_exit;
    {
      const std::lock_guard lock(workers_.mutex);
      const auto found = workers_.running.find(DirectoryOf(id).path());
      ASSERT_NE(found, workers_.running.end());
      on_exit = std::move(found->second.second);
      workers_.running.erase(found);
    }
    on_exit({signal == 0 ? code : -1, signal});
  }
  // What a worker of `attempt` would leave behind: a model (the input again) and a result.
  void WriteSuccess(const std::string& id, int attempt, double accuracy) {
    const JobDirectory directory = DirectoryOf(id);
    const std::string archive = *posix_->Read(directory.InputModelPath());
    ASSERT_TRUE(posix_->CreateDirectories(directory.AttemptPath(attempt)).ok());
    ASSERT_TRUE(posix_->WriteAtomically(directory.ModelPath(attempt), archive).ok());
    v1::WorkResult result;
    result.set_attempt(attempt);
    result.set_state(JobState::SUCCEEDED);
    (*result.mutable_metrics())["test_accuracy"] = accuracy;
    result.set_has_model(true);
    result.set_model_digest(Sha256Hex(archive));
    ASSERT_TRUE(directory.WriteResult(result).ok());
  }
  // What a power search would leave behind.
  void WriteFound(const std::string& id, int attempt, double epsilon) {
    v1::WorkResult result;
    result.set_attempt(attempt);
    result.set_state(JobState::SUCCEEDED);
    result.mutable_found_mode()->set_epsilon(epsilon);
    result.add_rows()->set_epsilon(epsilon);
    ASSERT_TRUE(DirectoryOf(id).WriteResult(result).ok());
  }
  void SetEpsilon(double epsilon) {
    v1::SetPowerModeRequest request;
    request.set_session("sessions/digits");
    request.mutable_power_mode()->set_epsilon(epsilon);
    ASSERT_TRUE(sessions_->SetPowerMode(request).ok());
  }
  absl::StatusOr<v1::Job> Cancel(const std::string& id) {
    v1::CancelJobRequest request;
    request.set_name("jobs/" + id);
    return manager_->Cancel(request);
  }

  Workers workers_;
};

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
  Submit("j", kTrain);
  WaitForState("j", JobState::RUNNING, 1);
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
  Submit("j", std::string("max_attempts: 1 ") + kTrain);
  WaitForState("j", JobState::RUNNING, 1);
  WriteSuccess("j", 7, 0.1);
  ASSERT_TRUE(posix_
                  ->WriteAtomically(DirectoryOf("j").ResultPath(1),
                                    *posix_->Read(DirectoryOf("j").ResultPath(7)))
                  .ok());
  End("j", 0);
  EXPECT_EQ(WaitForEnd("j").reason(), "ATTEMPTS_SPENT");
}

TEST_F(ManagerFakeTest, AModelThatIsNotTheReportedOneIsNotPublished) {
  Start();
  Submit("j", kTrain);
  WaitForState("j", JobState::RUNNING, 1);
  WriteSuccess("j", 1, 0.5);
  ASSERT_TRUE(posix_->WriteAtomically(DirectoryOf("j").ModelPath(1), "something else").ok());
  End("j", 0);
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::FAILED);
  EXPECT_EQ(job.reason(), "MODEL_CORRUPT");
  EXPECT_TRUE(models_->List({})->models().empty());
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
  Submit("j", kTrain);
  WaitForState("j", JobState::RUNNING, 1);
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
  WriteSuccess("first", 1, 0.9);
  End("first", 0);
  EXPECT_EQ(WaitForEnd("first").state(), JobState::CANCELLED);
  EXPECT_TRUE(models_->List({})->models().empty());
  EXPECT_EQ(Cancel("first").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Cancel("nobody").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(workers_.started, 1);
}

TEST_F(ManagerFakeTest, ACancelledWorkerThatDoesNotEndIsKilled) {
  options_.cancel_patience = absl::Milliseconds(50);
  Start();
  Submit("deaf", kTrain);
  WaitForState("deaf", JobState::RUNNING, 1);
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

TEST_F(ManagerFakeTest, ASessionThatIsGoneKeepsTheModelFromBeingLost) {
  Start();
  Submit("j", kTrain);
  WaitForState("j", JobState::RUNNING, 1);
  v1::DeleteSessionRequest request;
  request.set_name("sessions/digits");
  ASSERT_TRUE(sessions_->Delete(request).ok());
  WriteSuccess("j", 1, 0.5);
  End("j", 0);
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.reason(), "SESSION_GONE");
  EXPECT_TRUE(models_->Get(job.model()).ok());
}

TEST_F(ManagerFakeTest, StatisticsOfParametersThatWereReplacedAreNotInstalled) {
  options_.slots = 2;
  Start();
  Submit("slow", "calibrate { dataset: 'synthetic-digits' }");
  WaitForState("slow", JobState::RUNNING, 1);
  // Meanwhile the session gets other parameters.
  const auto other = BuildModel(sessions_->Get("sessions/digits")->network(), 99);
  const std::string archive = SerializeModel(**other);
  const auto published = models_->Publish("other", archive, {});
  ASSERT_TRUE(sessions_->InstallModel("sessions/digits", published->name(), archive).ok());
  WriteSuccess("slow", 1, 0);
  End("slow", 0);
  EXPECT_EQ(WaitForEnd("slow").reason(), "SESSION_CHANGED");
  EXPECT_EQ(sessions_->Get("sessions/digits")->model(), "models/other");
}

TEST_F(ManagerFakeTest, AModelNameThatIsTakenIsNotOverwritten) {
  const auto taken = models_->Publish("j", sessions_->Snapshot("sessions/digits")->archive, {});
  ASSERT_TRUE(taken.ok()) << taken.status();
  Start();
  Submit("j", kTrain);
  WaitForState("j", JobState::RUNNING, 1);
  WriteSuccess("j", 1, 0.5);
  End("j", 0);
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_NE(job.model(), "models/j");
  EXPECT_EQ(models_->Get(job.model())->source(), "jobs/j");
}

TEST_F(ManagerFakeTest, PublishingAgainAfterACrashPublishesOnce) {
  Start();
  Submit("j", kTrain);
  WaitForState("j", JobState::RUNNING, 1);
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
  Submit("quiet", kSearch);
  WaitForState("quiet", JobState::RUNNING, 1);
  WriteFound("quiet", 1, 0.3);
  End("quiet", 0);
  v1::Job job = WaitForEnd("quiet");
  EXPECT_EQ(job.reason(), "DONE");
  EXPECT_EQ(job.found_mode().epsilon(), 0.3);
  EXPECT_EQ(job.rows_size(), 1);
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), 1);

  Submit("applied", kApply);
  WaitForState("applied", JobState::RUNNING, 1);
  WriteFound("applied", 1, 0.4);
  End("applied", 0);
  job = WaitForEnd("applied");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.found_mode().epsilon(), 0.4);
  EXPECT_EQ(sessions_->Get("sessions/digits")->power_mode().epsilon(), 0.4);
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), 2);
}

TEST_F(ManagerFakeTest, ApplyingAgainAfterACrashLeavesWhatTheUserHasSetSince) {
  Start();
  const v1::Job submitted = Submit("j", kApply);
  WaitForState("j", JobState::RUNNING, 1);
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
  Submit("changed", kApply);
  WaitForState("changed", JobState::RUNNING, 1);
  const auto other = BuildModel(sessions_->Get("sessions/digits")->network(), 99);
  const std::string archive = SerializeModel(**other);
  const auto published = models_->Publish("other", archive, {});
  ASSERT_TRUE(sessions_->InstallModel("sessions/digits", published->name(), archive).ok());
  WriteFound("changed", 1, 0.4);
  End("changed", 0);
  v1::Job job = WaitForEnd("changed");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.reason(), "SESSION_CHANGED");
  EXPECT_EQ(job.found_mode().epsilon(), 0.4);
  EXPECT_EQ(sessions_->Get("sessions/digits")->power_mode().epsilon(), 0);

  Submit("gone", kApply);
  WaitForState("gone", JobState::RUNNING, 1);
  v1::DeleteSessionRequest request;
  request.set_name("sessions/digits");
  ASSERT_TRUE(sessions_->Delete(request).ok());
  WriteFound("gone", 1, 0.4);
  End("gone", 0);
  job = WaitForEnd("gone");
  EXPECT_EQ(job.state(), JobState::SUCCEEDED);
  EXPECT_EQ(job.reason(), "SESSION_GONE");
}

// Cancelling wins over a result that came at the same time: nothing is put in force.
TEST_F(ManagerFakeTest, ASearchThatWasCancelledAppliesNothing) {
  Start();
  Submit("j", kApply);
  WaitForState("j", JobState::RUNNING, 1);
  ASSERT_TRUE(Cancel("j").ok());
  WriteFound("j", 1, 0.4);
  End("j", 0);
  const v1::Job job = WaitForEnd("j");
  EXPECT_EQ(job.state(), JobState::CANCELLED);
  EXPECT_FALSE(job.has_found_mode());
  EXPECT_EQ(sessions_->Get("sessions/digits")->generation(), 1);
}

TEST_F(ManagerFakeTest, ARepeatedRequestGetsTheFirstAnswer) {
  Start();
  v1::CreateJobRequest request = Request("", kEvaluate);
  request.set_request_id("once");
  const auto first = manager_->Create(request);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = manager_->Create(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->name(), first->name());
  EXPECT_EQ(manager_->List({})->jobs_size(), 1);
  request.mutable_spec()->set_threads(7);
  EXPECT_EQ(ReasonOf(manager_->Create(request).status()), "REQUEST_ID_REUSED");
}

TEST_F(ManagerFakeTest, AnIdThatExistsIsRefusedAndItsDirectoryLeftAlone) {
  Start();
  Submit("j", kTrain);
  const std::string spec = *posix_->Read(DirectoryOf("j").SpecPath());
  EXPECT_EQ(manager_->Create(Request("j", kEvaluate)).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(*posix_->Read(DirectoryOf("j").SpecPath()), spec);
}

TEST_F(ManagerFakeTest, ListsNewestFirstByPagesAndBySession) {
  NewSession("other", "layers { dense { units: 10 } activation: SIGMOID }");
  Start();
  for (const char* id : {"one", "two", "three"}) Submit(id, kEvaluate);
  Submit("four", std::string("session: 'sessions/other' ") + kEvaluate);
  v1::ListJobsRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  for (int pages = 0; pages < 3; ++pages) {
    const auto page = manager_->List(request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Job& job : page->jobs()) names.push_back(job.name());
    request.set_page_token(page->next_page_token());
    if (page->next_page_token().empty()) break;
  }
  EXPECT_THAT(names, testing::ElementsAre("jobs/four", "jobs/three", "jobs/two", "jobs/one"));
  v1::ListJobsRequest filtered;
  filtered.set_session("sessions/digits");
  EXPECT_EQ(manager_->List(filtered)->jobs_size(), 3);
  filtered.set_page_size(-1);
  EXPECT_FALSE(manager_->List(filtered).ok());
}

TEST_F(ManagerFakeTest, ASpecificationIsCheckedAgainstSessionAndData) {
  NewSession("small", "layers { dense { units: 10 } activation: SIGMOID }", 100);
  NewSession("few", "layers { dense { units: 9 } activation: SIGMOID }");
  NewSession("linear", "layers { dense { units: 10 } activation: LINEAR }");
  Start();
  struct Case {
    std::string spec;
    absl::StatusCode code;
    const char* part;
  };
  const auto kBad = absl::StatusCode::kInvalidArgument;
  for (const Case& c : std::vector<Case>{
           {"session: 'sessions/nobody' train { dataset: 'synthetic-digits' }",
            absl::StatusCode::kNotFound, "nobody"},
           {"session: 'digits' train { dataset: 'synthetic-digits' }", kBad, "spec.session"},
           {"train { dataset: 'no-such-set' }", absl::StatusCode::kNotFound, "synthetic-digits"},
           {"session: 'sessions/small' train { dataset: 'synthetic-digits' }", kBad,
            "144 values, the network takes 100"},
           {"session: 'sessions/few' evaluate { dataset: 'synthetic-digits' }", kBad,
            "10 classes, the network 9"},
           {"session: 'sessions/linear' train { dataset: 'synthetic-digits' }", kBad,
            "spec.train."},
           {"train { dataset: 'synthetic-digits' validation_samples: 2000 }", kBad,
            "spec.train.validation_samples"},
           {"train { dataset: 'synthetic-digits' train_samples: 10 validation_samples: 10 }", kBad,
            "at most 9 of 10"},
           {"power_sweep { dataset: 'synthetic-digits' epsilon: 1 realisation { column_noise: 11 } "
            "}",
            kBad, "spec.power_sweep.realisation.column_noise"},
           {"power_sweep { dataset: 'synthetic-digits' epsilon: 0.5 epsilon_layers: 'hiden' }",
            kBad, "spec.power_sweep.epsilon_layers[0]"},
           {"power_sweep { dataset: 'synthetic-digits' epsilon: 0.5 base { steps: 3 } }", kBad,
            "spec.power_sweep.base.steps"},
           {"power_sweep { dataset: 'synthetic-digits' modes { } modes { epsilon: 1.5 } }", kBad,
            "spec.power_sweep.modes[1].epsilon"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 base { layer_epsilon { key: 'x' "
            "value: 0.5 } } }",
            kBad, "spec.power_search.base.layer_epsilon[x]"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 base { epsilon: 0.5 } }", kBad,
            "spec.power_search.base.epsilon"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 base { bias: TABLE } }",
            absl::StatusCode::kFailedPrecondition, "calibration"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 per_layer: true }",
            absl::StatusCode::kFailedPrecondition, "calibrated"},
       }) {
    SCOPED_TRACE(c.spec);
    const absl::Status status = manager_->Create(Request("j", c.spec)).status();
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.part));
    EXPECT_FALSE(*posix_->Exists(DirectoryOf("j").path()));
  }
  EXPECT_TRUE(manager_->List({})->jobs().empty());
  // Noise is measured in units that calibration finds.
  EXPECT_FALSE(manager_
                   ->Create(Request("j",
                                    "power_sweep { dataset: 'synthetic-digits' epsilon: 1 "
                                    "realisation { column_noise: 0.01 } }"))
                   .ok());
}

TEST_F(ManagerFakeTest, AFullDiskAtSubmissionLeavesNothingBehind) {
  FaultyFileSystem full(posix_.get());
  files_ = &full;
  Start();
  for (int n = 1; n <= 2; ++n) {
    full.FailFrom(n, WithReason(absl::ResourceExhaustedError("no space left"), "DISK_FULL"));
    const absl::Status status = manager_->Create(Request("j", kTrain)).status();
    EXPECT_EQ(ReasonOf(status), "DISK_FULL") << status;
    EXPECT_FALSE(*posix_->Exists(DirectoryOf("j").path()));
  }
  full.FailFrom(0, absl::OkStatus());
  EXPECT_TRUE(manager_->Create(Request("j", kTrain)).ok());
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
