#include "engine/job/run_job.h"

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>

#include "absl/strings/match.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/families.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/engine/job/job_runs.h"
#include "tests/support/hooked_file_system.h"

namespace torpor {
namespace {

using google::protobuf::util::MessageDifferencer;
using v1::JobState;

constexpr char kNetwork[] = R"pb(
  rate {
    input { shape: 144 }
    layers {
      name: "hidden"
      dense { units: 12 }
      activation: RELU
    }
    layers {
      name: "out"
      dense { units: 10 }
      activation: SIGMOID
    }
  })pb";
constexpr char kTrain[] = R"pb(
  session: "sessions/s"
  threads: 2
  max_attempts: 3
  train {
    dataset: "datasets/synthetic-digits"
    epochs: 3
    loss: BCE
    optimizer: ADAM
    learning_rate: 0.01
    batch_size: 100
    seed: 7
    train_samples: 450
    validation_samples: 50
  })pb";

class RunJobTest : public testing::Test, protected JobRuns {
 protected:
  JobDirectory NewJob(const std::string& spec) {
    v1::Network network;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kNetwork, &network));
    const auto model = BuildModel(network, 3);
    EXPECT_TRUE(model.ok()) << model.status();
    return NewJobDirectory(spec, **model);
  }

  std::string ModelOf(const JobDirectory& directory, int attempt) {
    const auto content = posix_->Read(directory.ModelPath(attempt));
    return content.ok() ? *content : "no model: " + content.status().ToString();
  }
};

TEST_F(RunJobTest, TrainingLeavesModelMetricsEventsAndProvenance) {
  const JobDirectory directory = NewJob(kTrain);
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->state(), JobState::SUCCEEDED) << result->error().message();
  const auto stored = directory.ReadResult(1);
  ASSERT_TRUE(stored.ok() && stored->has_value());
  EXPECT_TRUE(MessageDifferencer::Equals(**stored, *result));

  for (const char* name : {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
                           "test_accuracy", "test_accuracy_low", "test_accuracy_high", "test_loss",
                           "ece", "full_power", "samples_per_second"}) {
    EXPECT_EQ(result->metrics().count(name), 1u) << name;
  }
  EXPECT_EQ(result->provenance().seed(), 7u);
  EXPECT_EQ(result->provenance().threads(), 2);
  EXPECT_EQ(result->provenance().samples(), 400);
  EXPECT_FALSE(result->provenance().all_training_samples());
  EXPECT_EQ(result->provenance().spec_digest(), SpecDigest(directory.ReadWorkOrder()->spec()));

  const std::string archive = ModelOf(directory, 1);
  EXPECT_EQ(Sha256Hex(archive), result->model_digest());
  const auto model = ParseModel(archive, BuildModel);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->loss(), v1::Loss::BCE);
  EXPECT_EQ((*model)->calibration().samples(), 400);
  EXPECT_EQ((*model)->calibration().dataset_digest(), directory.ReadWorkOrder()->dataset_digest());

  const std::vector<v1::JobEvent> events = Events(directory);
  EXPECT_TRUE(events.front().has_started());
  EXPECT_EQ(events.back().finished().state(), JobState::SUCCEEDED);
  int epochs = 0, progress = 0, checkpoints = 0;
  double fraction = 0;
  double loss = std::numeric_limits<double>::infinity();
  for (const v1::JobEvent& event : events) {
    if (event.has_epoch_done()) {
      EXPECT_EQ(event.epoch_done().epoch(), ++epochs);
      EXPECT_LT(event.epoch_done().metrics().at("train_loss"), loss);
      loss = event.epoch_done().metrics().at("train_loss");
    }
    if (event.has_checkpointed()) ++checkpoints;
    if (!event.has_progress()) continue;
    ++progress;
    EXPECT_GE(event.progress().fraction(), fraction);
    EXPECT_LE(event.progress().fraction(), 1);
    fraction = event.progress().fraction();
    EXPECT_EQ(event.progress().epochs(), 3);
    EXPECT_TRUE(event.progress().has_eta());
    EXPECT_GT(event.progress().metrics().at("samples_per_second"), 0);
  }
  EXPECT_EQ(epochs, 3);
  EXPECT_EQ(checkpoints, 2);  // none after the last epoch
  EXPECT_GE(progress, 12);    // 4 batches an epoch
}

TEST_F(RunJobTest, TrainingLearns) {
  const JobDirectory directory = NewJob(
      "session: 'sessions/s' threads: 2 train { dataset: 'synthetic-digits' epochs: 15 loss: BCE "
      "optimizer: ADAM learning_rate: 0.01 batch_size: 50 }");
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->metrics().at("test_accuracy"), 0.9);  // chance is 0.1
  EXPECT_TRUE(result->provenance().all_training_samples());
}

TEST_F(RunJobTest, AResumedRunEqualsTheUninterruptedOneBitForBit) {
  const JobDirectory whole = NewJob(kTrain);
  const auto expected = RunAttempt(whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const std::string model = ModelOf(whole, 1);
  // After each epoch, at a checkpoint that was due; and after 1 to 12 batches, at the one that the
  // interruption makes.
  struct Case {
    const char* part;
    int n;
  };
  std::vector<Case> cases = {{"checkpoint-", 1}, {"checkpoint-", 2}};
  for (int n = 2; n <= 17; ++n) cases.push_back({"events.log", n});
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.part, " ", c.n));
    const JobDirectory directory = NewJob(kTrain);
    const absl::Status interrupted = RunInterrupted(directory, 1, c.part, c.n);
    ASSERT_TRUE(absl::IsCancelled(interrupted)) << interrupted;
    EXPECT_EQ(ReasonOf(interrupted), "INTERRUPTED");
    EXPECT_FALSE(directory.ReadResult(1)->has_value());
    EXPECT_EQ(*directory.SpentAttempts(1), 0);
    const auto resumed = RunAttempt(directory, 2);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_EQ(ModelOf(directory, 2), model);
    for (const char* name :
         {"train_loss", "train_accuracy", "validation_loss", "test_loss", "ece"}) {
      EXPECT_EQ(resumed->metrics().at(name), expected->metrics().at(name)) << name;
    }
  }
}

TEST_F(RunJobTest, ManyInterruptionsAndAnotherNumberOfThreadsChangeNothing) {
  const JobDirectory whole = NewJob(kTrain);
  ASSERT_TRUE(RunAttempt(whole).ok());
  const JobDirectory directory = NewJob(kTrain);
  for (int attempt = 1; attempt <= 4; ++attempt) {
    options_.threads = 1 + attempt % 3;
    ASSERT_TRUE(absl::IsCancelled(RunInterrupted(directory, attempt, "events.log", 4)));
  }
  ASSERT_TRUE(RunAttempt(directory, 5).ok());
  EXPECT_EQ(ModelOf(directory, 5), ModelOf(whole, 1));
  EXPECT_GT(Events(directory, 5).front().started().resumed_from_epoch(), 0);
}

TEST_F(RunJobTest, ADamagedCheckpointIsPassedOverForTheOneBefore) {
  const JobDirectory whole = NewJob(kTrain);
  ASSERT_TRUE(RunAttempt(whole).ok());
  const JobDirectory directory = NewJob(kTrain);
  ASSERT_TRUE(absl::IsCancelled(RunInterrupted(directory, 1, "checkpoint-", 2)));
  const std::vector<CheckpointFile> checkpoints = *directory.Checkpoints(1);
  ASSERT_EQ(checkpoints.size(), 2u);
  std::string content = *posix_->Read(checkpoints[0].path);
  content[content.size() / 2] ^= 0x10;
  ASSERT_TRUE(posix_->WriteAtomically(checkpoints[0].path, content).ok());
  ASSERT_TRUE(RunAttempt(directory, 2).ok());
  EXPECT_EQ(Events(directory, 2).front().started().resumed_from_epoch(), 1);
  EXPECT_EQ(ModelOf(directory, 2), ModelOf(whole, 1));
}

TEST_F(RunJobTest, FromSessionKeepsTheParametersAndOtherwiseTheSeedDecides) {
  const std::string base =
      "session: 'sessions/s' threads: 1 train { dataset: 'synthetic-digits' epochs: 1 loss: BCE "
      "optimizer: SGD learning_rate: 1e-6 momentum: 0 batch_size: 1000 ";
  const JobDirectory fresh = NewJob(base + "seed: 3 }");  // the session's own seed
  const JobDirectory kept = NewJob(base + "seed: 3 from_session: true }");
  const JobDirectory other = NewJob(base + "seed: 4 }");
  for (const JobDirectory* directory : {&fresh, &kept, &other}) {
    ASSERT_TRUE(RunAttempt(*directory).ok());
  }
  EXPECT_EQ(ModelOf(fresh, 1), ModelOf(kept, 1));
  EXPECT_NE(ModelOf(fresh, 1), ModelOf(other, 1));
}

TEST_F(RunJobTest, ACancelFileEndsTheJobAsCancelledAndSoon) {
  const JobDirectory directory = NewJob(
      "session: 'sessions/s' threads: 1 train { dataset: 'synthetic-digits' epochs: 100000 loss: "
      "BCE "
      "optimizer: ADAM learning_rate: 0.001 batch_size: 100 }");
  options_.progress_interval = absl::InfiniteDuration();
  options_.checkpoint_interval = absl::InfiniteDuration();
  const auto [result, delay] = RunCancelled(directory, 3);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->state(), JobState::CANCELLED);
  EXPECT_FALSE(result->has_model());
  EXPECT_TRUE(result->metrics().empty());
  // The file is looked for every 20 ms and every batch looks at the flag; the rest is a busy
  // machine.
  EXPECT_LT(delay, absl::Seconds(1));
  EXPECT_TRUE(directory.Checkpoints(1)->empty());
}

TEST_F(RunJobTest, AnAttemptThatWasGivenUpStopsWithoutAResult) {
  const JobDirectory directory = NewJob(kTrain);
  ASSERT_TRUE(posix_->CreateDirectories(directory.AttemptPath(2)).ok());
  Cancellation cancellation;
  // Waits at its first event for the watcher to see the newer attempt.
  HookedFileSystem files(posix_.get(), [&](const std::string& path) {
    while (absl::EndsWith(path, "events.log") && cancellation.Check().ok()) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return absl::OkStatus();
  });
  const auto result = RunJob(directory.path(), 1, &files, BuildModel, &cancellation, options_);
  EXPECT_EQ(ReasonOf(result.status()), "INTERRUPTED");
  EXPECT_FALSE(directory.ReadResult(1)->has_value());
  EXPECT_EQ(*directory.SpentAttempts(1), 0);
}

TEST_F(RunJobTest, AFullDiskAtACheckpointFailsTheJobAndKeepsEarlierCheckpoints) {
  const JobDirectory directory = NewJob(kTrain);
  int checkpoints = 0;
  HookedFileSystem files(posix_.get(), [&](const std::string& path) -> absl::Status {
    if (!absl::StrContains(path, "checkpoint-") || ++checkpoints < 2) return absl::OkStatus();
    return WithReason(absl::ResourceExhaustedError(path + ": no space left"), "DISK_FULL");
  });
  const auto result = RunOn(&files, directory);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->state(), JobState::FAILED);
  EXPECT_EQ(ReasonOf(FromProto(result->error())), "DISK_FULL");
  EXPECT_THAT(result->error().message(), testing::HasSubstr("checkpoint-8"));
  ASSERT_EQ(directory.Checkpoints(1)->size(), 1u);
  EXPECT_EQ(directory.Checkpoints(1)->front().steps, 4);
  EXPECT_EQ(Events(directory).back().finished().state(), JobState::FAILED);
  // With room again the kept checkpoint serves.
  ASSERT_TRUE(RunAttempt(directory, 2).ok());
  EXPECT_EQ(Events(directory, 2).front().started().resumed_from_epoch(), 1);
}

TEST_F(RunJobTest, ADiskTooFullForTheResultIsReportedAsThat) {
  const absl::Status full = WithReason(absl::ResourceExhaustedError("no space left"), "DISK_FULL");
  // Whichever write is the first to fail.
  for (int n = 1; n <= 24; n += 4) {
    const JobDirectory directory = NewJob(kTrain);
    FaultyFileSystem files(posix_.get());
    files.FailFrom(n, full);
    const auto result = RunOn(&files, directory);
    EXPECT_EQ(ReasonOf(result.status()), "DISK_FULL") << n << ": " << result.status();
    EXPECT_FALSE(directory.ReadResult(1)->has_value());
  }
}

TEST_F(RunJobTest, OtherDataThanTheJobWasAcceptedForIsRefused) {
  const JobDirectory directory = NewJob(kTrain);
  v1::WorkOrder order = *directory.ReadWorkOrder();
  order.set_dataset_digest(std::string(64, '0'));
  ASSERT_TRUE(posix_->WriteAtomically(directory.SpecPath(), order.SerializeAsString()).ok());
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->state(), JobState::FAILED);
  EXPECT_EQ(ReasonOf(FromProto(result->error())), "DATASET_CHANGED");
}

TEST_F(RunJobTest, ALossThatIsNoLongerFiniteFailsTheJob) {
  const JobDirectory directory = NewJob(
      "session: 'sessions/s' threads: 1 train { dataset: 'synthetic-digits' epochs: 5 loss: CE "
      "optimizer: SGD learning_rate: 1e30 momentum: 0.9 batch_size: 100 train_samples: 1000 }");
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->state(), JobState::FAILED);
  EXPECT_EQ(ReasonOf(FromProto(result->error())), "DIVERGED");
}

TEST_F(RunJobTest, ASweepReportsEachRowAndReturnsAll) {
  const JobDirectory directory = NewJob(
      "session: 'sessions/s' threads: 2 power_sweep { dataset: 'synthetic-digits' split: TEST "
      "samples: 200 "
      "epsilon: [1, 0.5, 0.1] bias: [NONE, HOMOGENEOUS] }");
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->state(), JobState::SUCCEEDED) << result->error().message();
  ASSERT_EQ(result->rows_size(), 6);
  EXPECT_EQ(result->rows(0).epsilon(), 1);
  EXPECT_EQ(result->rows(0).nasp(), 1);
  EXPECT_EQ(result->rows(0).agreement(), 1);
  EXPECT_EQ(result->rows(0).samples(), 200);
  EXPECT_LT(result->rows(5).nasp(), 0.2);
  EXPECT_EQ(result->rows(5).bias(), v1::BiasPolicy::HOMOGENEOUS);
  EXPECT_GE(result->rows(5).agreement(), 0.99);  // exact but for rounding, without noise
  int rows = 0;
  for (const v1::JobEvent& event : Events(directory)) {
    if (!event.has_row()) continue;
    EXPECT_EQ(event.row().SerializeAsString(), result->rows(rows).SerializeAsString());
    ++rows;
  }
  EXPECT_EQ(rows, 6);
}

TEST_F(RunJobTest, EvaluateMeasuresTheSessionsMode) {
  const JobDirectory directory = NewJob(
      "session: 'sessions/s' threads: 2 evaluate { dataset: 'synthetic-digits' split: TEST }");
  v1::WorkOrder order = *directory.ReadWorkOrder();
  order.mutable_power_mode()->set_epsilon(0.25);
  ASSERT_TRUE(posix_->WriteAtomically(directory.SpecPath(), order.SerializeAsString()).ok());
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->state(), JobState::SUCCEEDED) << result->error().message();
  EXPECT_LT(result->metrics().at("nasp"), 0.5);
  EXPECT_GT(result->metrics().at("nasp"), 0);
  EXPECT_GE(result->metrics().at("accuracy"), result->metrics().at("accuracy_low"));
  EXPECT_FALSE(result->has_model());
  EXPECT_EQ(result->provenance().samples(), 500);
}

TEST_F(RunJobTest, CalibrateAddsStatisticsToTheParameters) {
  const JobDirectory directory = NewJob(
      "session: 'sessions/s' threads: 2 calibrate { dataset: 'synthetic-digits' samples: 300 }");
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->has_model()) << result->error().message();
  const auto model = ParseModel(ModelOf(directory, 1), BuildModel);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->calibration().samples(), 300);
  EXPECT_EQ((*model)->calibration().full_power(), result->metrics().at("full_power"));
}

TEST_F(RunJobTest, AnAttemptThatHasAResultIsNotRunAgain) {
  const JobDirectory directory = NewJob(kTrain);
  const auto first = RunAttempt(directory);
  ASSERT_TRUE(first.ok()) << first.status();
  const size_t events = Events(directory).size();
  const auto second = RunAttempt(directory);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(MessageDifferencer::Equals(*second, *first));
  EXPECT_EQ(Events(directory).size(), events);
}

TEST_F(RunJobTest, ADamagedDirectoryIsAnErrorThatNamesTheFile) {
  const JobDirectory directory = NewJob(kTrain);
  ASSERT_TRUE(posix_->WriteAtomically(directory.SpecPath(), "\xff\xff").ok());
  EXPECT_THAT(RunAttempt(directory).status().message(), testing::HasSubstr("spec.binpb"));
  const JobDirectory other = NewJob(kTrain);
  std::string archive = *posix_->Read(other.InputModelPath());
  archive[archive.size() - 1] ^= 1;
  ASSERT_TRUE(posix_->WriteAtomically(other.InputModelPath(), archive).ok());
  const auto result = RunAttempt(other);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(ReasonOf(FromProto(result->error())), "ARCHIVE_CORRUPT");
}

}  // namespace
}  // namespace torpor
