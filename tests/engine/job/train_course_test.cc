// Schedules and changed images of training jobs, for each family that trains.
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/engine/job/job_runs.h"

namespace torpor {
namespace {

constexpr char kRate[] =
    "rate { input { shape: 144 } layers { dense { units: 10 } activation: SIGMOID } }";
constexpr char kCores[] =
    "truenorth { input { shape: [12, 12] } layers { block: 8 stride: 4 } "
    "layers { block: 2 stride: 1 } ticks: 4 }";
constexpr char kChange[] = "augmentation { rotation: 10 shift: 1.5 rescale: 0.1 ";

struct Family {
  const char* name;
  const char* network;
  const char* settings;
};

class TrainCourseTest : public testing::TestWithParam<Family>, protected JobRuns {
 protected:
  // Three epochs of five steps.
  JobDirectory NewJob(const std::string& more) {
    v1::Network network;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(GetParam().network, &network));
    const auto model = BuildModel(network, 3);
    EXPECT_TRUE(model.ok()) << model.status();
    return NewJobDirectory(
        absl::StrCat("session: 'sessions/s' threads: 2 max_attempts: 9 train { dataset: "
                     "'datasets/synthetic-digits' epochs: 3 batch_size: 64 seed: 7 "
                     "train_samples: 320 ",
                     GetParam().settings, " ", more, " }"),
        **model);
  }

  std::string ModelOf(const JobDirectory& directory, int attempt) {
    const auto content = posix_->Read(directory.ModelPath(attempt));
    EXPECT_TRUE(content.ok()) << content.status();
    return content.value_or("");
  }

  std::string Trained(const std::string& more) {
    const JobDirectory directory = NewJob(more);
    const auto result = RunAttempt(directory);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->state(), v1::JobState::SUCCEEDED) << result->error().message();
    return ModelOf(directory, 1);
  }
};

TEST_P(TrainCourseTest, InterruptionsAndThreadsChangeNoBitOfScheduledChangedTraining) {
  const std::string course =
      absl::StrCat("schedule: COSINE warmup_epochs: 0.5 ", kChange, "plain_epochs: 1 }");
  const std::string whole = Trained(course);
  const JobDirectory directory = NewJob(course);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    options_.threads = attempt;
    ASSERT_TRUE(absl::IsCancelled(RunInterrupted(directory, attempt, "events.log", 4)));
  }
  const auto result = RunAttempt(directory, 4);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(ModelOf(directory, 4), whole);
}

TEST_P(TrainCourseTest, EachPartOfTheCourseTells) {
  const std::string constant = Trained("schedule: CONSTANT");
  EXPECT_NE(Trained("schedule: COSINE"), constant);
  EXPECT_NE(Trained("schedule: CONSTANT warmup_epochs: 1"), constant);
  const std::string changed = Trained(absl::StrCat("schedule: CONSTANT ", kChange, "}"));
  EXPECT_NE(changed, constant);
  EXPECT_NE(Trained(absl::StrCat("schedule: CONSTANT ", kChange, "plain_epochs: 1 }")), changed);
  EXPECT_EQ(Trained(absl::StrCat("schedule: CONSTANT ", kChange, "plain_epochs: 3 }")), constant)
      << "no epoch is left to change images in";
  EXPECT_EQ(Trained("schedule: CONSTANT augmentation { plain_epochs: 2 }"), constant);
}

INSTANTIATE_TEST_SUITE_P(
    Families, TrainCourseTest,
    testing::Values(Family{"Rate", kRate, "loss: BCE learning_rate: 0.01"},
                    Family{"Cores", kCores,
                           "loss: CE learning_rate: 0.02 truenorth { averaging: 0.9 }"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace torpor
