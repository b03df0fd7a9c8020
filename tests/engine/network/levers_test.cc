#include "engine/network/levers.h"

#include <cmath>

#include "engine/base/status.h"
#include "engine/rate/levers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

Levers TwoLayerLevers() {
  std::vector<RateLayerShape> layers(2);
  layers[0].name = "hidden";
  layers[0].inputs = 4;
  layers[0].units = 3;
  layers[1].name = "out";
  layers[1].inputs = 3;
  layers[1].units = 2;
  return RateLevers(layers);
}

// A convolution, a pool and an output layer.
Levers ImageLevers(v1::Activation::Kind output) {
  std::vector<RateLayerShape> layers(3);
  layers[0].kind = RateLayerKind::kConv2d;
  layers[0].name = "conv";
  layers[0].units = 4;
  layers[1].kind = RateLayerKind::kMaxPool2d;
  layers[1].name = "pool";
  layers[2].name = "out";
  layers[2].units = 2;
  layers[2].activation = output;
  return RateLevers(layers);
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

TEST(LeversTest, LayersWithoutWeightsCannotBeScaled) {
  v1::PowerMode mode;
  (*mode.mutable_layer_epsilon())["pool"] = 0.5;
  const absl::Status status = ImageLevers(v1::Activation::SIGMOID).Check(mode);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), HasSubstr("layer_epsilon[pool]: this layer has no weights"));
  EXPECT_THAT(Message(status), HasSubstr("conv, out"));
  mode.clear_layer_epsilon();
  (*mode.mutable_layer_epsilon())["conv"] = 0.5;
  EXPECT_TRUE(ImageLevers(v1::Activation::SIGMOID).Check(mode).ok());
}

TEST(LeversTest, SwitchesMayBeOnOrOff) {
  for (bool on : {false, true}) {
    v1::PowerMode mode;
    mode.set_output_gain(on);
    mode.set_output_shift(on);
    mode.set_approximate(on);
    EXPECT_TRUE(ImageLevers(v1::Activation::SIGMOID).Check(mode).ok());
  }
  v1::PowerMode shift;
  shift.set_output_shift(true);
  EXPECT_THAT(Message(ImageLevers(v1::Activation::SOFTMAX).Check(shift)),
              HasSubstr("output_shift: this network has no such lever"));
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
  mode.set_bias(v1::BiasPolicy::MATCHED);
  mode.set_epsilon_by(static_cast<v1::EpsilonBy::Kind>(9));
  EXPECT_THAT(Message(TwoLayerLevers().Check(mode)),
              HasSubstr("epsilon_by: must be one of reprogram, read_voltage, read_time"));
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

TEST(CheckRealisationTest, OffConductanceRange) {
  v1::Realisation chip;
  for (double off : {0.0, 0.5, 0.999}) {
    chip.set_off_conductance(off);
    EXPECT_TRUE(CheckRealisation(chip).ok()) << off;
  }
  for (double off : {-0.01, 1.0, double{NAN}}) {
    chip.set_off_conductance(off);
    EXPECT_THAT(Message(CheckRealisation(chip)), HasSubstr("off_conductance")) << off;
  }
}

}  // namespace
}  // namespace torpor
