// What must survive: a server killed at any time, a worker killed, a job in between.
#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;

// Enough for some seconds of training.
constexpr char kEpochs[] = "500";

class FaultsTest : public World {
 protected:
  void CreateSession(const std::string& id) {
    const Result created =
        Torpor({"session", "create", id, "-f", Write("net.yaml", kSmallNetwork)});
    ASSERT_EQ(created.exit_code, 0) << created.err;
  }

  // A training job `j1` of some seconds whose worker runs and has written a checkpoint.
  void StartLongJob() {
    CreateSession("s1");
    const Result submitted = Torpor({"job", "submit", "train", "s1", "--dataset",
                                     "synthetic-digits", "--epochs", kEpochs, "--job-id", "j1"});
    ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
    ASSERT_TRUE(WaitFor([&] { return HasCheckpoint(); })) << Torpor({"job", "get", "j1"}).out;
  }

  bool HasCheckpoint() const {
    std::error_code error;
    const std::string attempt = Path("data") + "/jobs/j1/attempts/1";
    for (const auto& entry : std::filesystem::directory_iterator(attempt, error)) {
      // Digits to the end: the temporary file of a checkpoint that is being written is none yet.
      const std::string name = entry.path().filename().string();
      const std::string prefix = "checkpoint-";
      if (name.size() > prefix.size() && name.rfind(prefix, 0) == 0 &&
          name.find_first_not_of("0123456789", prefix.size()) == std::string::npos) {
        return true;
      }
    }
    return false;
  }

  Json Job() { return Torpor({"job", "get", "j1", "-o", "json"}).json(); }
};

TEST_F(FaultsTest, AKilledServerForgetsNothing) {
  CreateSession("s1");
  CreateSession("s2");
  const Result trained = Torpor({"job", "submit", "train", "s1", "--dataset", "synthetic-digits",
                                 "--job-id", "j1", "--wait", "-o", "json"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  ASSERT_EQ(Torpor({"power", "set", "s1", "--epsilon", "0.3", "--bias", "table"}).exit_code, 0);
  ASSERT_EQ(Torpor({"model", "snapshot", "s1", "--name", "kept"}).exit_code, 0);
  ASSERT_EQ(Torpor({"session", "delete", "s2"}).exit_code, 0);
  const std::vector<std::vector<std::string>> questions = {{"job", "get", "j1", "-o", "json"},
                                                           {"model", "list", "-o", "json"},
                                                           {"power", "get", "s1", "-o", "json"},
                                                           {"session", "list", "-o", "json"}};
  std::vector<Json> before;
  for (const auto& question : questions) before.push_back(Torpor(question).json());

  EXPECT_EQ(StopServer(SIGKILL), 128 + SIGKILL);
  EXPECT_EQ(Torpor({"session", "list", "--timeout", "5"}).exit_code, 78);
  StartServer();
  for (size_t i = 0; i < questions.size(); ++i) {
    Json after = Torpor(questions[i]).json();
    // Meters count since the start of the server.
    for (Json* json : {&before[i], &after}) {
      json->erase("meter");
      if (json->contains("sessions")) {
        for (Json& session : (*json)["sessions"]) session.erase("meter");
      }
    }
    EXPECT_EQ(after, before[i]);
  }
  const Result evaluated =
      Torpor({"session", "evaluate", "s1", "--dataset", "synthetic-digits", "-o", "json"});
  EXPECT_EQ(evaluated.exit_code, 0) << evaluated.err;
}

TEST_F(FaultsTest, AKilledWorkerIsFollowedByTheNextAttempt) {
  StartLongJob();
  ASSERT_TRUE(KillWorker());
  const Result waited = Torpor({"job", "wait", "j1", "-o", "json"});
  EXPECT_EQ(waited.exit_code, 0) << waited.err;
  const Json job = waited.json();
  EXPECT_EQ(job["state"], "succeeded");
  EXPECT_EQ(job["attempt"], 2);
  EXPECT_GT(job["metrics"]["test_accuracy"], 0.9);
  // It went on from its checkpoint rather than from the start.
  const Result events = Torpor({"job", "watch", "j1", "-o", "json"});
  EXPECT_THAT(events.out, HasSubstr("\"started\":{\"attempt\":2,\"resumed_from_epoch\":"));
  EXPECT_THAT(events.out, ::testing::Not(HasSubstr("\"attempt\":2,\"resumed_from_epoch\":0}")));
}

TEST_F(FaultsTest, AResumedJobEndsWithTheSameModel) {
  StartLongJob();
  ASSERT_TRUE(KillWorker());
  ASSERT_EQ(Torpor({"job", "wait", "j1"}).exit_code, 0);
  CreateSession("s2");
  ASSERT_EQ(Torpor({"job", "submit", "train", "s2", "--dataset", "synthetic-digits", "--epochs",
                    kEpochs, "--job-id", "j2", "--wait"})
                .exit_code,
            0);
  const auto metrics = [&](const std::string& job) {
    Json all = Torpor({"job", "get", job, "-o", "json"}).json()["metrics"];
    // Times differ; accuracies and losses must not.
    Json kept;
    for (const auto& [name, value] : all.items()) {
      if (name.find("accuracy") != std::string::npos || name.find("loss") != std::string::npos) {
        kept[name] = value;
      }
    }
    return kept;
  };
  EXPECT_EQ(metrics("j1"), metrics("j2"));
}

TEST_F(FaultsTest, AKilledServerFindsItsRunningJobAgain) {
  StartLongJob();
  EXPECT_EQ(StopServer(SIGKILL), 128 + SIGKILL);
  StartServer();
  const Result waited = Torpor({"job", "wait", "j1", "-o", "json"});
  EXPECT_EQ(waited.exit_code, 0) << waited.err;
  EXPECT_EQ(waited.json()["state"], "succeeded");
  EXPECT_GT(waited.json()["metrics"]["test_accuracy"], 0.9);
  EXPECT_EQ(Torpor({"session", "get", "s1", "-o", "json"}).json()["model"], waited.json()["model"]);
}

TEST_F(FaultsTest, AServerAndAWorkerKilledTogetherLoseNoJob) {
  StartLongJob();
  EXPECT_EQ(StopServer(SIGKILL), 128 + SIGKILL);
  ASSERT_TRUE(KillWorker());
  StartServer();
  const Result waited = Torpor({"job", "wait", "j1", "-o", "json"});
  EXPECT_EQ(waited.exit_code, 0) << waited.err;
  EXPECT_EQ(waited.json()["state"], "succeeded");
  EXPECT_EQ(waited.json()["attempt"], 2);
}

TEST_F(FaultsTest, AWatchOutlivesARestartOfTheServer) {
  StartLongJob();
  const Running watch = StartTorpor({"job", "watch", "j1", "-o", "json"});
  ASSERT_TRUE(
      WaitFor([&] { return ReadFile(watch.out_file).find("epoch_done") != std::string::npos; }));
  EXPECT_EQ(StopServer(SIGKILL), 128 + SIGKILL);
  StartServer();
  const Result watched = Wait(watch);
  EXPECT_EQ(watched.exit_code, 0) << watched.err;
  // Every epoch once, none lost or told twice.
  std::vector<int> epochs;
  std::istringstream lines(watched.out);
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.contains("epoch_done")) epochs.push_back(json["epoch_done"]["epoch"]);
  }
  ASSERT_EQ(epochs.size(), std::stoul(kEpochs));
  for (size_t i = 0; i < epochs.size(); ++i) EXPECT_EQ(epochs[i], static_cast<int>(i) + 1);
}

TEST_F(FaultsTest, AnAskedServerDrainsAndEndsWell) {
  CreateSession("s1");
  EXPECT_EQ(StopServer(SIGTERM), 0);
  StartServer();
  EXPECT_EQ(Torpor({"session", "get", "s1"}).exit_code, 0);
}

}  // namespace
}  // namespace torpor::e2e
