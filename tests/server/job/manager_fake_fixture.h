// The manager with an executor that does what the test says.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/digest.h"
#include "engine/job/event_log.h"
#include "tests/server/job/manager_fixture.h"

namespace torpor {

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
  // Before the workers that its thread still starts.
  ~ManagerFakeTest() override { manager_.reset(); }

  static constexpr char kTrain[] = "train { dataset: 'synthetic-digits' }";
  static constexpr char kSearch[] = "power_search { dataset: 'synthetic-digits' nasp: 0.5 }";
  static constexpr char kApply[] =
      "power_search { dataset: 'synthetic-digits' nasp: 0.5 apply: true }";
  static constexpr char kEvaluate[] = "evaluate { dataset: 'synthetic-digits' }";

  void Start() { StartManager(std::make_unique<FakeExecutor>(&workers_)); }

  v1::Job WaitForState(const std::string& id, v1::JobState::Kind state, int attempt) {
    return WaitUntil(
        id, [=](const v1::Job& job) { return job.state() == state && job.attempt() == attempt; });
  }
  // Submits a job and waits until its first attempt has a worker.
  void SubmitAndRun(const std::string& id, const std::string& spec) {
    Submit(id, spec);
    WaitForState(id, v1::JobState::RUNNING, 1);
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
    result.set_state(v1::JobState::SUCCEEDED);
    (*result.mutable_metrics())["test_accuracy"] = accuracy;
    result.set_has_model(true);
    result.set_model_digest(Sha256Hex(archive));
    ASSERT_TRUE(directory.WriteResult(result).ok());
  }
  // An epoch's model with parameters from `seed`, as a worker writes it.
  void WriteEpoch(const std::string& id, int attempt, int epoch, uint64_t seed) {
    const auto model = BuildModel(sessions_->Get("sessions/digits")->network(), seed);
    const std::string archive = SerializeModel(**model);
    ASSERT_TRUE(posix_->WriteAtomically(DirectoryOf(id).EpochModelPath(attempt), archive).ok());
    AppendEpoch(id, attempt, epoch, Sha256Hex(archive));
  }
  void AppendEpoch(const std::string& id, int attempt, int epoch, const std::string& digest) {
    v1::JobEvent event;
    event.mutable_epoch_published()->set_epoch(epoch);
    event.mutable_epoch_published()->set_digest(digest);
    const auto log =
        EventLogWriter::Open(DirectoryOf(id).EventsPath(attempt), attempt, posix_.get());
    ASSERT_TRUE(log.ok() && (*log)->Append(event, true).ok());
  }
  void WaitForModel(const std::string& name) {
    for (int i = 0; i < 1000 && sessions_->Get("sessions/digits")->model() != name; ++i) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    ASSERT_EQ(sessions_->Get("sessions/digits")->model(), name);
  }
  // What a power search would leave behind.
  void WriteFound(const std::string& id, int attempt, double epsilon) {
    v1::WorkResult result;
    result.set_attempt(attempt);
    result.set_state(v1::JobState::SUCCEEDED);
    result.mutable_found_mode()->set_epsilon(epsilon);
    result.add_rows()->set_epsilon(epsilon);
    ASSERT_TRUE(DirectoryOf(id).WriteResult(result).ok());
  }
  // The first attempt leaves a model and its worker ends well; the job after that.
  v1::Job SucceedWithModel(const std::string& id, double accuracy) {
    WriteSuccess(id, 1, accuracy);
    End(id, 0);
    return WaitForEnd(id);
  }
  // The same for a search that found a mode.
  v1::Job SucceedWithMode(const std::string& id, double epsilon) {
    WriteFound(id, 1, epsilon);
    End(id, 0);
    return WaitForEnd(id);
  }
  void SetEpsilon(double epsilon) {
    v1::SetPowerModeRequest request;
    request.set_session("sessions/digits");
    request.mutable_power_mode()->set_epsilon(epsilon);
    ASSERT_TRUE(sessions_->SetPowerMode(request).ok());
  }
  // Gives the session the parameters of another model, "models/other".
  void ReplaceParameters() {
    const auto other = BuildModel(sessions_->Get("sessions/digits")->network(), 99);
    const std::string archive = SerializeModel(**other);
    const auto published = models_->Publish("other", archive, {});
    ASSERT_TRUE(sessions_->InstallModel("sessions/digits", published->name(), archive).ok());
  }
  void DeleteSession() {
    v1::DeleteSessionRequest request;
    request.set_name("sessions/digits");
    ASSERT_TRUE(sessions_->Delete(request).ok());
  }
  absl::StatusOr<v1::Job> Cancel(const std::string& id) {
    v1::CancelJobRequest request;
    request.set_name("jobs/" + id);
    return manager_->Cancel(request);
  }

  Workers workers_;
};

}  // namespace torpor
