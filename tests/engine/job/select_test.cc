// Selections as jobs: what they measure, and that neither threads nor interruptions change it.
#include <set>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/families.h"
#include "engine/power/sample_run.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/engine/job/job_runs.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/rate_networks.h"
#include "tests/support/stdp_networks.h"

namespace torpor {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;
using v1::JobState;
using A = v1::Activation;

constexpr char kSmall[] =
    "network { stdp { input { shape: [12, 12] } neurons: 24 steps: 60 rate_hz: 300 "
    "theta_plus_mv: 0.3 } } ";

// Two candidates in four storages; trained on 600 samples, in batches of 50.
std::string Select(const std::string& more = "") {
  return absl::StrCat(
      "session: 's' threads: 2 select { dataset: 'synthetic-digits' validation_samples: 200 ",
      "candidates { name: 'windowed' ", kSmall,
      "  train { epochs: 1 train_samples: 600 batch_size: 50 } } ",
      "candidates { name: 'pairwise' ", kSmall,
      "  train { epochs: 1 train_samples: 600 batch_size: 50 stdp { rule: PAIRWISE } } } ",
      "storages { scheme: POST_TRAINING quantization { weight_bits: 4 rounding: NEAREST } } ",
      "storages { scheme: POST_TRAINING quantization { weight_bits: 8 rounding: TRUNCATE } } ",
      "storages { scheme: IN_TRAINING quantization { weight_bits: 8 rounding: STOCHASTIC } } ",
      "seeds: [1, 2] ", more, " }");
}

class SelectJobTest : public ::testing::Test, protected JobRuns {
 protected:
  JobDirectory NewJob(const std::string& spec) { return NewJobDirectory(spec, *session_); }

  // The arms of an attempt that succeeds.
  std::vector<v1::SelectArm> ArmsOf(const JobDirectory& directory, int attempt = 1) {
    const auto result = RunAttempt(directory, attempt);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    EXPECT_EQ(result->state(), JobState::SUCCEEDED) << result->error().message();
    return {result->arms().begin(), result->arms().end()};
  }

  static void ExpectSame(const std::vector<v1::SelectArm>& a, const std::vector<v1::SelectArm>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(MessageDifferencer::Equals(a[i], b[i]))
          << a[i].DebugString() << b[i].DebugString();
    }
  }

  std::unique_ptr<Model> session_ = *BuildModel(testing::SmallStdp(), 3);
};

TEST_F(SelectJobTest, EveryArmIsMeasuredBySeedOnSamplesThatWereHeldOut) {
  const JobDirectory directory = NewJob(Select("no_early_stop: true"));
  const std::vector<v1::SelectArm> arms = ArmsOf(directory);
  ASSERT_EQ(arms.size(), 8u);
  std::set<double> accuracies;
  for (const v1::SelectArm& arm : arms) {
    ASSERT_EQ(arm.measurements_size(), 2);
    EXPECT_EQ(arm.measurements(0).seed(), 1u);
    EXPECT_EQ(arm.measurements(1).seed(), 2u);
    EXPECT_EQ(arm.measurements(0).samples(), 200);
    EXPECT_EQ(arm.measurements(0).trained_samples(), 600);
    EXPECT_GT(arm.joules(), 0);
    EXPECT_FALSE(arm.has_error());
    accuracies.insert(arm.accuracy());
  }
  EXPECT_GT(accuracies.size(), 3u);
  EXPECT_EQ(arms[0].candidate(), "windowed");
  EXPECT_FALSE(arms[0].has_storage());
  EXPECT_EQ(arms[1].storage().quantization().weight_bits(), 4);
  EXPECT_EQ(arms[5].candidate(), "pairwise");
  // 144 x 24 weights of 4 bits for 32; 24 neurons with membrane and threshold, one lateral number.
  EXPECT_LT(arms[1].memory_norm(), 0.2);
  EXPECT_EQ(arms[0].memory_norm(), 1);

  // An event for each measurement, before the end.
  size_t events = 0;
  for (const v1::JobEvent& event : Events(directory)) events += event.has_arm();
  EXPECT_EQ(events, 16u);
  v1::Progress last;
  for (const v1::JobEvent& event : Events(directory)) {
    if (!event.has_progress()) continue;
    EXPECT_GE(event.progress().fraction(), last.fraction());
    last = event.progress();
  }
  EXPECT_DOUBLE_EQ(last.fraction(), 1);
  EXPECT_EQ(last.epoch(), 16);
  EXPECT_EQ(last.epochs(), 16);
}

TEST_F(SelectJobTest, ATrainingIsThatOfATrainingJob) {
  // The same network, seed and samples by a training job, measured on the same held-out samples.
  const JobDirectory train = NewJobDirectory(
      "session: 's' threads: 2 train { dataset: 'synthetic-digits' epochs: 1 batch_size: 50 seed: "
      "2 "
      "train_samples: 800 validation_samples: 200 learning_rate: 0.01 }",
      *session_);
  const auto trained = RunAttempt(train);
  ASSERT_TRUE(trained.ok()) << trained.status();
  ASSERT_EQ(trained->state(), JobState::SUCCEEDED) << trained->error().message();
  const auto model = ParseModel(*posix_->Read(train.ModelPath(1)), BuildModel);
  ASSERT_TRUE(model.ok());

  // A selection that holds out all but 600.
  const DatasetCatalogue catalogue({}, posix_.get());
  const Dataset all = *catalogue.Load("synthetic-digits", v1::Split::TRAIN);
  const std::string held_out = absl::StrCat(all.size() - 600);
  const std::vector<v1::SelectArm> arms = ArmsOf(NewJob(absl::StrCat(
      "session: 's' select { dataset: 'synthetic-digits' validation_samples: ", held_out,
      " candidates { name: 'a' train { epochs: 1 batch_size: 50 } } ",
      "seeds: 2 no_early_stop: true }")));
  ASSERT_EQ(arms.size(), 1u);
  const auto deployment = (*model)->Deploy(v1::PowerMode(), v1::Realisation());
  ASSERT_TRUE(deployment.ok());
  Cancellation cancellation;
  ThreadPool pool(1);
  const auto row = [&] {
    return CountCorrect(**deployment, all.Slice(600, all.size()), &pool, cancellation);
  }();
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(arms[0].measurements(0).samples(), all.size() - 600);
  EXPECT_DOUBLE_EQ(arms[0].accuracy(),
                   static_cast<double>(*row) / static_cast<double>(all.size() - 600));
}

TEST_F(SelectJobTest, ThreadsChangeNothing) {
  options_.threads = 1;
  const std::vector<v1::SelectArm> one = ArmsOf(NewJob(Select()));
  options_.threads = 3;
  ExpectSame(one, ArmsOf(NewJob(Select())));
}

TEST_F(SelectJobTest, AResumedJobHasTheTableOfTheUninterruptedOne) {
  const JobDirectory whole = NewJob(Select());
  const std::vector<v1::SelectArm> expected = ArmsOf(whole);
  // Where in the log measurements stand.
  std::vector<int> arms;
  int event_number = 0;
  for (const v1::JobEvent& event : Events(whole)) {
    ++event_number;
    if (event.has_arm()) arms.push_back(event_number);
  }
  ASSERT_GT(arms.size(), 40u);
  int taken_over = 0;
  for (const int n : {2, arms[1], arms[10], arms[arms.size() / 2], arms[arms.size() - 2]}) {
    SCOPED_TRACE(n);
    const JobDirectory directory = NewJob(Select());
    ASSERT_TRUE(absl::IsCancelled(RunInterrupted(directory, 1, "events.log", n)));
    EXPECT_FALSE(directory.ReadResult(1)->has_value());
    options_.threads = 1 + n % 3;
    ExpectSame(ArmsOf(directory, 2), expected);
    taken_over += Events(directory, 2).front().started().resumed_from_epoch();
    if (n == arms[arms.size() - 2]) {
      // Only what was missing was trained.
      const auto resumed = directory.ReadResult(2);
      EXPECT_LT((*resumed)->metrics().at("trained_samples"), 8 * 600);
    }
  }
  EXPECT_GT(taken_over, 40);
}

TEST_F(SelectJobTest, ACompleteLogIsNotTrainedAgain) {
  const JobDirectory directory = NewJob(Select());
  const std::vector<v1::SelectArm> expected = ArmsOf(directory);
  // As after a kill between the last measurement and the result.
  ASSERT_TRUE(posix_->Remove(directory.ResultPath(1)).ok());
  ExpectSame(ArmsOf(directory, 2), expected);
  const auto result = directory.ReadResult(2);
  EXPECT_EQ((*result)->metrics().at("trained_samples"), 0);
}

TEST_F(SelectJobTest, ACancelFileEndsItSoon) {
  const JobDirectory directory =
      NewJob(absl::StrCat("session: 's' threads: 2 select { dataset: 'synthetic-digits' ",
                          "validation_samples: 200 no_early_stop: true candidates { name: 'a' ",
                          kSmall, " train { epochs: 10000 batch_size: 50 } } }"));
  const Cancelled cancelled = RunCancelled(directory, 2);
  ASSERT_TRUE(cancelled.result.ok()) << cancelled.result.status();
  EXPECT_EQ(cancelled.result->state(), JobState::CANCELLED);
  EXPECT_EQ(cancelled.result->arms_size(), 0);
  EXPECT_LT(cancelled.delay, absl::Seconds(2));
}

constexpr char kGood[] =
    "candidates { name: 'good' network { rate { input { shape: [144] } layers { dense { units: 32 "
    "} "
    "activation: RELU } layers { dense { units: 10 } activation: SIGMOID } } } "
    "train { epochs: 6 train_samples: 1000 batch_size: 50 learning_rate: 0.01 } } ";

TEST_F(SelectJobTest, HopelessArmsAreStoppedAndWinnersAreNot) {
  // With steps of 32 mV no threshold of 13 mV is ever met: silent, and in more memory than 4 bits.
  // A second candidate is as bad, but nobody's rival.
  const auto spec = [](const std::string& more) {
    return absl::StrCat(
        "session: 's' select { dataset: 'synthetic-digits' validation_samples: 500 candidates { "
        "name: 'good' ",
        kSmall,
        " train { epochs: 1 train_samples: 2400 batch_size: 50 } } candidates { name: 'idle' ",
        kSmall,
        " train { epochs: 1 train_samples: 2400 batch_size: 50 learning_rate: 1e-9 stdp { "
        "weight_sum: 0.01 } } } ",
        "storages { scheme: POST_TRAINING quantization { weight_bits: 4 rounding: NEAREST } } ",
        "storages { scheme: IN_TRAINING quantization { weight_bits: 16 neuron_bits: 4 rounding: "
        "TRUNCATE } } ",
        more, " }");
  };
  const JobDirectory stopping = NewJob(spec(""));
  const std::vector<v1::SelectArm> arms = ArmsOf(stopping);
  const JobDirectory patient = NewJob(spec("no_early_stop: true"));
  const std::vector<v1::SelectArm> all = ArmsOf(patient);
  ASSERT_EQ(arms.size(), 6u);
  EXPECT_GT(all[1].accuracy(), 0.5);
  EXPECT_LT(all[2].accuracy(), 0.25);
  EXPECT_LT(all[4].accuracy(), 0.25);
  EXPECT_EQ(ReasonOf(FromProto(arms[2].error())), "STOPPED_EARLY");
  EXPECT_LT(arms[2].measurements(0).trained_samples(), 2400);
  EXPECT_FALSE(all[2].has_error() || all[2].pareto());
  for (const size_t i : {0u, 1u, 3u, 4u, 5u}) {
    EXPECT_TRUE(MessageDifferencer::Equals(arms[i], all[i]))
        << arms[i].DebugString() << all[i].DebugString();
  }
  EXPECT_EQ((*stopping.ReadResult(1))->metrics().at("stopped_arms"), 1);
  EXPECT_LT((*stopping.ReadResult(1))->metrics().at("trained_samples"),
            (*patient.ReadResult(1))->metrics().at("trained_samples"));
}

TEST_F(SelectJobTest, WhatCannotBeTrainedIsAnArmWithItsError) {
  const JobDirectory directory = NewJob(absl::StrCat(
      "session: 's' select { dataset: 'synthetic-digits' validation_samples: 500 ", kGood,
      "candidates { name: 'wild' network { rate { input { shape: [144] } layers { dense { units: "
      "10 }"
      " activation: LINEAR } } } train { epochs: 2 train_samples: 500 batch_size: 50 loss: MSE "
      "optimizer: SGD learning_rate: 1e30 } } }"));
  const std::vector<v1::SelectArm> arms = ArmsOf(directory);
  ASSERT_EQ(arms.size(), 2u);
  EXPECT_TRUE(arms[0].chosen());
  EXPECT_EQ(ReasonOf(FromProto(arms[1].error())), "DIVERGED") << arms[1].DebugString();
  EXPECT_EQ((*directory.ReadResult(1))->metrics().at("failed_arms"), 1);
}

TEST_F(SelectJobTest, LimitsAreAnsweredInAVerdict) {
  const JobDirectory directory =
      NewJob(Select("limits { memory_bytes: 2500 accuracy: 1 } reference: 'pairwise'"));
  const std::vector<v1::SelectArm> arms = ArmsOf(directory);
  EXPECT_THAT((*directory.ReadResult(1))->limits_verdict(), HasSubstr("No arm meets all limits"));
  EXPECT_EQ(std::ranges::count_if(arms, [](const auto& arm) { return arm.chosen(); }), 1);
}

}  // namespace
}  // namespace torpor
