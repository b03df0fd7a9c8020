// Jobs that measure power modes: evaluate, power_sweep, power_search.
#include <algorithm>

#include "engine/base/status.h"
#include "engine/job/job_context.h"
#include "engine/power/evaluate.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/engine/job/job_runs.h"
#include "tests/support/trained_digits.h"

namespace torpor {
namespace {

using google::protobuf::util::MessageDifferencer;
using v1::JobState;

class PowerJobsTest : public testing::TrainedDigitsTest, protected JobRuns {
 protected:
  JobDirectory NewJob(const std::string& spec, const std::string& mode_text = "") {
    v1::PowerMode mode;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(mode_text, &mode));
    return NewJobDirectory("session: 'sessions/s' threads: 2 " + spec, *model_, mode);
  }
  v1::WorkResult Run(const JobDirectory& directory, int attempt = 1) {
    const auto result = RunAttempt(directory, attempt);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(v1::WorkResult());
  }
};

TEST_F(PowerJobsTest, AnEvaluationHasEachFigureWithItsInterval) {
  const JobDirectory directory =
      NewJob("evaluate { dataset: 'synthetic-digits' split: TEST }", "epsilon: 0.25");
  const v1::WorkResult result = Run(directory);
  const auto& metrics = result.metrics();
  for (const char* name : {"accuracy", "loss", "ece", "agreement", "nasp", "noise_accuracy_0_01",
                           "noise_accuracy_0_03"}) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(metrics.contains(name));
    EXPECT_LE(metrics.at(std::string(name) + "_low"), metrics.at(name));
    EXPECT_GE(metrics.at(std::string(name) + "_high"), metrics.at(name));
  }
  EXPECT_TRUE(metrics.contains("nasp_nominal"));
  // Full power, the mode, and two levels of five seeds: each pass is told.
  std::vector<double> fractions;
  for (const v1::JobEvent& event : Events(directory)) {
    if (event.has_progress()) fractions.push_back(event.progress().fraction());
  }
  ASSERT_EQ(fractions.size(), 12u);
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_DOUBLE_EQ(fractions.front(), 1.0 / 12);
  EXPECT_EQ(fractions.back(), 1);
}

TEST(NoiseMetricNameTest, LevelsReadAsTheyAreWritten) {
  EXPECT_EQ(NoiseMetricName(0.01), "noise_accuracy_0_01");
  EXPECT_EQ(NoiseMetricName(0.1), "noise_accuracy_0_1");
  EXPECT_EQ(NoiseMetricName(10), "noise_accuracy_10");
  EXPECT_EQ(NoiseMetricName(0.0005), "noise_accuracy_0_0005");
}

// The last samples of the training split, not the first, and no test samples.
TEST_F(PowerJobsTest, ValidationIsTheEndOfTheTrainingSplit) {
  auto accuracy = [&](const std::string& split) {
    return Run(NewJob("evaluate { dataset: 'synthetic-digits' noise { without: true } " + split +
                      " }"))
        .metrics();
  };
  const auto validation = accuracy("split: VALIDATION samples: 300");
  const auto full = model_->Deploy({}, {});
  const Dataset held_out = train_.Slice(train_.size() - 300, train_.size());
  const auto reference = MeasureFullPower(**full, held_out, &pool_, cancellation_);
  const auto wanted = EvaluateMode(**full, *reference, held_out, &pool_, cancellation_);
  EXPECT_EQ(validation.at("loss"), wanted->loss());
  EXPECT_NE(validation.at("loss"), accuracy("split: TRAIN samples: 300").at("loss"));
  // 5000 are more than there are: all.
  EXPECT_EQ(accuracy("split: VALIDATION").at("loss"), accuracy("split: TRAIN").at("loss"));
}

constexpr char kSearch[] =
    "power_search { dataset: 'synthetic-digits' split: VALIDATION samples: 500 nasp: 0.2 "
    "base { bias: HOMOGENEOUS } per_layer: true noise { levels: 0.05 seeds: 2 } }";

TEST_F(PowerJobsTest, ASearchReportsItsRowsAndReturnsTheModeItFound) {
  const JobDirectory directory = NewJob(kSearch);
  const v1::WorkResult result = Run(directory);
  ASSERT_EQ(result.state(), JobState::SUCCEEDED) << result.error().message();
  ASSERT_GT(result.rows_size(), 3);
  const v1::PowerSweepRow& last = result.rows(result.rows_size() - 1);
  EXPECT_NEAR(last.nasp(), 0.2, 1e-6);
  EXPECT_NEAR(result.metrics().at("nasp"), 0.2, 1e-6);
  EXPECT_EQ(result.metrics().at("noise_accuracy_0_05"), last.noise_accuracy(0).accuracy());
  EXPECT_EQ(result.found_mode().bias(), v1::BiasPolicy::HOMOGENEOUS);
  for (const auto& [layer, epsilon] : result.found_mode().layer_epsilon()) {
    EXPECT_EQ(last.power_mode().layer_epsilon().at(layer), epsilon);
  }
  EXPECT_EQ(result.provenance().samples(), 500);
  int rows = 0;
  double fraction = 0;
  for (const v1::JobEvent& event : Events(directory)) {
    if (event.has_row()) {
      EXPECT_TRUE(MessageDifferencer::Equals(event.row(), result.rows(rows++)));
    } else if (event.has_progress()) {
      EXPECT_GE(event.progress().fraction(), fraction);
      fraction = event.progress().fraction();
    }
  }
  EXPECT_EQ(rows, result.rows_size());
  EXPECT_GT(fraction, 0.5);
}

TEST_F(PowerJobsTest, AnInterruptedSearchComesToTheSameBits) {
  const v1::WorkResult whole = Run(NewJob(kSearch));
  const JobDirectory directory = NewJob(kSearch);
  EXPECT_EQ(ReasonOf(RunInterrupted(directory, 1, "events.log", 20)), "INTERRUPTED");
  options_.threads = 1;
  const v1::WorkResult again = Run(directory, 2);
  ASSERT_EQ(again.rows_size(), whole.rows_size());
  for (int i = 0; i < whole.rows_size(); ++i) {
    EXPECT_TRUE(MessageDifferencer::Equals(again.rows(i), whole.rows(i)));
  }
  EXPECT_TRUE(MessageDifferencer::Equals(again.found_mode(), whole.found_mode()));
}

TEST_F(PowerJobsTest, ATargetBelowTheFloorFailsWithTheFloor) {
  const v1::WorkResult result =
      Run(NewJob("power_search { dataset: 'synthetic-digits' split: TRAIN nasp: 1e-6 }"));
  EXPECT_EQ(result.state(), JobState::FAILED);
  const absl::Status status = FromProto(result.error());
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(status), "UNREACHABLE");
  EXPECT_FALSE(result.has_found_mode());
}

// Each kind looks at the flag in every block of samples.
TEST_F(PowerJobsTest, ACancelFileEndsEachKindSoon) {
  for (const char* spec :
       {"evaluate { dataset: 'synthetic-digits' split: TRAIN noise { levels: 0.1 seeds: 1000 } }",
        "power_sweep { dataset: 'synthetic-digits' split: TRAIN epsilon: 0.5 noise { levels: 0.1 "
        "seeds: 1000 } }",
        "power_search { dataset: 'synthetic-digits' split: TRAIN nasp: 0.3 per_layer: true noise { "
        "levels: 0.1 seeds: 1000 } }"}) {
    SCOPED_TRACE(spec);
    const JobDirectory directory = NewJob(spec);
    const auto [result, delay] = RunCancelled(directory, 4);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->state(), JobState::CANCELLED);
    EXPECT_EQ(result->rows_size(), 0);
    // 20 ms until the file is seen and 50 until the flag is; the rest is a busy machine.
    EXPECT_LT(delay, absl::Seconds(1));
  }
}

}  // namespace
}  // namespace torpor
