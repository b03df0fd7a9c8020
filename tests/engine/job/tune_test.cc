// Jobs that tune biases: what they leave, and that interruptions change nothing.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/families.h"
#include "engine/network/tune_modes.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/engine/job/job_runs.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;
using v1::JobState;
using A = v1::Activation;

constexpr char kTune[] =
    "session: 'sessions/s' threads: 2 tune { dataset: 'synthetic-digits' epsilon: [0.5, 0.2] "
    "layer_epsilon { key: 'layer1' value: 1 } start: NONE method: ADAM epochs: 2 "
    "learning_rate: 0.01 batch_size: 100 seed: 7 samples: 400 }";

class TuneJobTest : public ::testing::Test, protected JobRuns {
 protected:
  JobDirectory NewJob(const std::string& spec, const Model& model, double session_epsilon = 1) {
    v1::PowerMode mode;
    mode.set_epsilon(session_epsilon);
    return NewJobDirectory(spec, model, mode);
  }
  JobDirectory NewJob(const std::string& spec) { return NewJob(spec, *deep_); }

  std::unique_ptr<Model> ResultOf(const JobDirectory& directory, int attempt = 1) {
    auto model = ParseModel(*posix_->Read(directory.ModelPath(attempt)), BuildModel);
    TORPOR_CHECK(model.ok());
    return *std::move(model);
  }

  std::unique_ptr<Model> deep_ = testing::ModelOf(144, {{12, A::RELU}, {10, A::SIGMOID}}, 3);
};

TEST_F(TuneJobTest, EachSettingGetsItsBiasesAndItsRow) {
  const JobDirectory directory = NewJob(kTune);
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->state(), JobState::SUCCEEDED) << result->error().message();
  const std::vector<v1::Tuning> tunings = ResultOf(directory)->tunings();
  ASSERT_EQ(tunings.size(), 2u);
  EXPECT_EQ(tunings[0].layer_epsilon().at("layer0"), 0.5);
  EXPECT_EQ(tunings[1].layer_epsilon().at("layer0"), 0.2);
  EXPECT_EQ(tunings[1].layer_epsilon().at("layer1"), 1);
  EXPECT_EQ(tunings[1].samples(), 400);
  EXPECT_EQ(tunings[1].epochs(), 2);
  EXPECT_EQ(tunings[1].dataset_digest(), directory.ReadWorkOrder()->dataset_digest());

  ASSERT_EQ(result->rows_size(), 2);
  EXPECT_EQ(result->rows(1).epsilon(), 0.2);
  EXPECT_EQ(result->rows(1).bias(), v1::BiasPolicy::TUNED);
  EXPECT_GT(result->rows(1).accuracy(), 0);
  EXPECT_GT(result->metrics().at("train_loss"), 0);
  EXPECT_EQ(result->metrics().count("test_accuracy"), 0u);  // which of the two?
  EXPECT_EQ(result->provenance().seed(), 7u);
  EXPECT_EQ(result->provenance().samples(), 400);
  EXPECT_FALSE(result->provenance().all_training_samples());

  int rows = 0, checkpoints = 0;
  double fraction = 0;
  for (const v1::JobEvent& event : Events(directory)) {
    rows += event.has_row();
    checkpoints += event.has_checkpointed();
    if (!event.has_progress()) continue;
    EXPECT_GE(event.progress().fraction(), fraction);
    fraction = event.progress().fraction();
    EXPECT_EQ(event.progress().epochs(), 2);
    EXPECT_EQ(event.progress().metrics().at("epsilon"), fraction <= 0.5 ? 0.5 : 0.2);
  }
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(checkpoints, 1);  // none after the last setting
  EXPECT_EQ(fraction, 1);
}

TEST_F(TuneJobTest, AResumedJobEqualsTheUninterruptedOne) {
  const JobDirectory whole = NewJob(kTune);
  const auto expected = RunAttempt(whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const std::string model = SerializeModel(*ResultOf(whole));
  int kept = 0;
  // 8 batches a setting, each with its event, then the row and the checkpoint.
  for (const int n : {2, 6, 9, 10, 11, 12, 15, 19, 20}) {
    SCOPED_TRACE(n);
    const JobDirectory directory = NewJob(kTune);
    const absl::Status interrupted = RunInterrupted(directory, 1, "events.log", n);
    if (!absl::IsCancelled(interrupted)) {
      EXPECT_GE(n, 19) << interrupted;  // too late to stop anything
      continue;
    }
    EXPECT_FALSE(directory.ReadResult(1)->has_value());
    options_.threads = 1 + n % 3;
    const auto resumed = RunAttempt(directory, 2);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_TRUE(SerializeModel(*ResultOf(directory, 2)) == model);
    kept += Events(directory, 2).front().started().resumed_from_epoch();
    EXPECT_EQ(resumed->metrics().at("train_loss"), expected->metrics().at("train_loss"));
    ASSERT_EQ(resumed->rows_size(), 2);
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(MessageDifferencer::Equals(resumed->rows(i), expected->rows(i)))
          << resumed->rows(i).DebugString() << expected->rows(i).DebugString();
    }
  }
  EXPECT_GE(kept, 3);  // attempts that found the first setting done
}

TEST_F(TuneJobTest, OneSettingIsToldInTheMetrics) {
  const std::unique_ptr<Model> single = testing::ModelOf(144, {{10, A::SIGMOID}}, 3);
  const JobDirectory directory =
      NewJob("session: 'sessions/s' tune { dataset: 'synthetic-digits' method: NEWTON loss: BCE }",
             *single, 0.3);
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->state(), JobState::SUCCEEDED) << result->error().message();
  EXPECT_EQ(result->metrics().at("test_accuracy"), result->rows(0).accuracy());
  EXPECT_EQ(result->metrics().at("nasp"), result->rows(0).nasp());
  EXPECT_TRUE(result->provenance().all_training_samples());
  const std::vector<v1::Tuning> tunings = ResultOf(directory)->tunings();
  ASSERT_EQ(tunings.size(), 1u);
  EXPECT_EQ(tunings[0].layer_epsilon().at("layer0"), 0.3);  // the session's
  EXPECT_EQ(tunings[0].method(), "newton");
}

TEST_F(TuneJobTest, WhatTheModelCannotDoFailsTheJobByField) {
  const JobDirectory directory =
      NewJob("session: 's' tune { dataset: 'synthetic-digits' epsilon: 0.5 method: NEWTON }");
  const auto result = RunAttempt(directory);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->state(), JobState::FAILED);
  EXPECT_THAT(result->error().message(), HasSubstr("spec.tune.method: NEWTON"));
}

TEST_F(TuneJobTest, ACancelFileEndsItWithoutAModel) {
  const JobDirectory directory = NewJob(
      "session: 's' tune { dataset: 'synthetic-digits' epsilon: 0.5 method: ADAM epochs: 1000 "
      "batch_size: 10 learning_rate: 0.001 }");
  HookedFileSystem files(posix_.get(), [&](const std::string& path) {
    if (absl::EndsWith(path, "events.log")) {
      posix_->WriteAtomically(directory.CancelPath(), "").IgnoreError();
    }
    return absl::OkStatus();
  });
  const auto result = RunOn(&files, directory);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->state(), JobState::CANCELLED);
  EXPECT_FALSE(result->has_model());
}

TEST(TuneModesTest, EpsilonsComeFromTheSpecAndElseFromTheSession) {
  v1::PowerMode session;
  session.set_epsilon(0.4);
  (*session.mutable_layer_epsilon())["a"] = 0.3;
  v1::TuneSpec spec;
  (*spec.mutable_layer_epsilon())["b"] = 0.9;
  std::vector<v1::PowerMode> modes = TuneModes(spec, session);
  ASSERT_EQ(modes.size(), 1u);
  EXPECT_EQ(modes[0].epsilon(), 0.4);
  EXPECT_EQ(modes[0].layer_epsilon().at("a"), 0.3);
  EXPECT_EQ(modes[0].layer_epsilon().at("b"), 0.9);
  EXPECT_EQ(modes[0].bias(), v1::BiasPolicy::NONE);

  spec.add_epsilon(0.2);
  spec.add_epsilon(0.1);
  spec.set_start(v1::BiasPolicy::HOMOGENEOUS);
  modes = TuneModes(spec, session);
  ASSERT_EQ(modes.size(), 2u);
  EXPECT_EQ(modes[1].epsilon(), 0.1);
  EXPECT_EQ(modes[1].layer_epsilon().size(), 1u);
  EXPECT_TRUE(modes[1].approximate());
  const v1::PowerMode tuned = TunedMode(modes[1]);
  EXPECT_EQ(tuned.bias(), v1::BiasPolicy::TUNED);
  EXPECT_FALSE(tuned.has_approximate());
  EXPECT_EQ(tuned.epsilon(), 0.1);
}

}  // namespace
}  // namespace torpor
