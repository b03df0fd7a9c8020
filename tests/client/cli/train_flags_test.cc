#include "client/cli/train_flags.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "client/cli/context.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"
#include "tests/support/scratch_directory.h"

namespace torpor::cli {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::HasSubstr;

absl::StatusOr<v1::TrainSpec> Build(std::vector<std::string> words) {
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  CLI::App app;
  TrainFlags flags;
  AddTrainFlags(app, flags);
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  app.parse(words);
  return BuildTrainSpec(context, app, flags);
}

void ExpectSpec(const std::vector<std::string>& words, const std::string& text) {
  v1::TrainSpec expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &expected)) << text;
  const auto spec = Build(words);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_TRUE(MessageDifferencer::Equals(*spec, expected)) << spec->DebugString();
}

TEST(TrainFlagsTest, EachFlagIsItsField) {
  ExpectSpec({"--dataset", "mnist"}, "dataset: 'datasets/mnist'");
  ExpectSpec({"--dataset", "mnist", "--schedule", "cosine", "--warmup", "0.5", "--method",
              "probability", "--bias-rate", "5", "--variance-floor", "1", "--loss-scale", "20",
              "--averaging", "0.9995", "--from-session"},
             "dataset: 'datasets/mnist' schedule: COSINE warmup_epochs: 0.5 from_session: true "
             "truenorth { method: PROBABILITY bias_rate: 5 variance_floor: 1 loss_scale: 20 "
             "averaging: 0.9995 }");
  ExpectSpec({"--dataset", "d", "--rotation", "10", "--shift", "1.5", "--rescale", "0.2",
              "--plain-epochs", "3"},
             "dataset: 'datasets/d' augmentation { rotation: 10 shift: 1.5 rescale: 0.2 "
             "plain_epochs: 3 }");
}

TEST(TrainFlagsTest, LossesOptimisersAndSteps) {
  ExpectSpec({"--dataset", "d", "--loss", "van-rossum", "--optimizer", "adamax", "--schedule",
              "steps", "--step-at", "0.25,0.5", "--step-factor", "0.1"},
             "dataset: 'datasets/d' loss: VAN_ROSSUM optimizer: ADAMAX schedule: STEPS "
             "step_at: [0.25, 0.5] step_factor: 0.1");
  ExpectSpec({"--dataset", "d", "--loss", "SPIKE_COUNT"},
             "dataset: 'datasets/d' loss: SPIKE_COUNT");
  EXPECT_FALSE(Build({"--dataset", "d", "--step-at", "half"}).ok());
}

TEST(TrainFlagsTest, NamedStrengthsOfChangedImages) {
  ExpectSpec({"--dataset", "d", "--augment", "aug1"},
             "dataset: 'datasets/d' augmentation { rotation: 7.5 shift: 2.5 rescale: 0.075 }");
  ExpectSpec({"--dataset", "d", "--augment", "Aug2", "--shift", "1"},
             "dataset: 'datasets/d' augmentation { rotation: 15 shift: 1 rescale: 0.15 }");
}

TEST(TrainFlagsTest, FlagsComeAfterTheRecipe) {
  ScratchDirectory scratch;
  const std::string file = scratch.path() + "/recipe.yaml";
  std::ofstream(file) << "train:\n  dataset: mnist\n  epochs: 60\n  schedule: COSINE\n"
                         "  augmentation: {rotation: 7.5, shift: 2.5, plainEpochs: 2}\n"
                         "  truenorth: {biasRate: 10, averaging: 0.9995}\n";
  ExpectSpec({"-f", file, "--averaging", "0", "--rotation", "3"},
             "dataset: 'datasets/mnist' epochs: 60 schedule: COSINE "
             "augmentation { rotation: 3 shift: 2.5 plain_epochs: 2 } "
             "truenorth { bias_rate: 10 averaging: 0 }");
  ExpectSpec({"-f", file, "--augment", "none"},
             "dataset: 'datasets/mnist' epochs: 60 schedule: COSINE "
             "truenorth { bias_rate: 10 averaging: 0.9995 }");
}

TEST(TrainFlagsTest, WrongWordsAreUsageErrorsInThreeLines) {
  RunResult result =
      RunTorpor({"job", "submit", "train", "s1", "--dataset", "d", "--augment", "aug3"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "error: must be one of none, aug1, aug2, got `aug3`\n  --augment\n"
            "  try: --augment aug1\n");
  result = RunTorpor({"job", "submit", "train", "s1", "--dataset", "d", "--schedule", "linear"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("constant, cosine, steps"));
  result = RunTorpor({"job", "submit", "train", "s1", "--dataset", "d", "--method", "esser"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("binary, probability"));
}

}  // namespace
}  // namespace torpor::cli
