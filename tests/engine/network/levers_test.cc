#include "engine/network/levers.h"

#include <cmath>

#include "engine/base/status.h"
#include "engine/rate/definition.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

Levers TwoLayerLevers() {
  return RateLevers(
      {{.name = "hidden", .inputs = 4, .units = 3}, {.name = "out", .inputs = 3, .units = 2}});
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(LeversTest, FullPowerAndValuesInRangeAreFine) {
  const Levers levers = TwoLayerLevers();
  EXPECT_TRUE(levers.Check(v1::PowerMode()).ok());
  v1::PowerMode mode;
  mode.set_epsilon(1);
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  (*mode.mutable_layer_epsilon())["hidden"] = 1e-9;
  EXPECT_TRUE(levers.Check(mode).ok()) << levers.Check(mode);
}

TEST(LeversTest, EpsilonOutOfRangeNamesFieldAndBound) {
  for (double epsilon : {0.0, -0.5, 1.0000001, double{NAN}, double{INFINITY}}) {
    v1::PowerMode mode;
    mode.set_epsilon(epsilon);
    const absl::Status status = TwoLayerLevers().Check(mode);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << epsilon;
    EXPECT_THAT(Message(status), HasSubstr("epsilon: must be in (0, 1]")) << epsilon;
  }
}

TEST(LeversTest, LayerThatDoesNotExistIsAnsweredWithTheLayers) {
  v1::PowerMode mode;
  (*mode.mutable_layer_epsilon())["hiden"] = 0.5;
  const absl::Status status = TwoLayerLevers().Check(mode);
  EXPECT_THAT(Message(status), HasSubstr("layer_epsilon[hiden]"));
  EXPECT_THAT(Message(status), HasSubstr("hidden, out"));
}

TEST(LeversTest, LayerEpsilonIsCheckedLikeEpsilon) {
  v1::PowerMode mode;
  (*mode.mutable_layer_epsilon())["out"] = 0;
  EXPECT_THAT(Message(TwoLayerLevers().Check(mode)),
              HasSubstr("layer_epsilon[out]: must be in (0"));
}

TEST(LeversTest, UnknownLeverIsAnsweredWithThoseItHas) {
  v1::PowerMode mode;
  mode.set_steps(3);
  const absl::Status status = TwoLayerLevers().Check(mode);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), HasSubstr("steps"));
  EXPECT_THAT(Message(status), HasSubstr("epsilon, bias"));
}

TEST(LeversTest, ChoiceOutsideTheListIsRefused) {
  v1::PowerMode mode;
  mode.set_bias(static_cast<v1::BiasPolicy::Kind>(77));
  EXPECT_THAT(Message(TwoLayerLevers().Check(mode)), HasSubstr("none, table, homogeneous"));
  mode.set_bias(v1::BiasPolicy::UNSPECIFIED);
  EXPECT_FALSE(TwoLayerLevers().Check(mode).ok());
}

TEST(MergeModesTest, TakesNamedLeversAloneAndClearsUnsetOnes) {
  v1::PowerMode base;
  base.set_epsilon(0.5);
  base.set_bias(v1::BiasPolicy::TABLE);
  (*base.mutable_layer_epsilon())["out"] = 0.25;
  v1::PowerMode change;
  change.set_epsilon(0.1);
  change.set_bias(v1::BiasPolicy::NONE);
  auto merged = MergeModes(base, change, {"epsilon", "layer_epsilon"});
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->epsilon(), 0.1);
  EXPECT_EQ(merged->bias(), v1::BiasPolicy::TABLE);
  EXPECT_TRUE(merged->layer_epsilon().empty());
  EXPECT_FALSE(MergeModes(base, change, {"epsilom"}).ok());
}

TEST(CheckRealisationTest, NoiseRange) {
  v1::Realisation chip;
  for (double noise : {0.0, 0.01, 10.0}) {
    chip.set_column_noise(noise);
    EXPECT_TRUE(CheckRealisation(chip).ok()) << noise;
  }
  for (double noise : {-0.01, 10.5, double{NAN}}) {
    chip.set_column_noise(noise);
    EXPECT_THAT(Message(CheckRealisation(chip)), HasSubstr("column_noise")) << noise;
  }
}

}  // namespace
}  // namespace torpor
