#include "client/cli/power_mode.h"

#include "client/cli/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST(PowerChangeTest, SugarAndLeversMeetInOneMode) {
  const auto change = ParsePowerChange({"bias=table", "steps=4"}, "0.4", "");
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_DOUBLE_EQ(change->mode.epsilon(), 0.4);
  EXPECT_EQ(change->mode.bias(), v1::BiasPolicy::TABLE);
  EXPECT_EQ(change->mode.steps(), 4);
  // A scale for all layers ends the settings of single ones.
  EXPECT_THAT(change->mask.paths(),
              UnorderedElementsAre("bias", "steps", "epsilon", "layer_epsilon"));
}

TEST(PowerChangeTest, ScalesByLayer) {
  const auto change = ParsePowerChange({}, "hidden=0.2,out=1", "homogeneous");
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_FALSE(change->mode.has_epsilon());
  EXPECT_DOUBLE_EQ(change->mode.layer_epsilon().at("hidden"), 0.2);
  EXPECT_DOUBLE_EQ(change->mode.layer_epsilon().at("out"), 1);
  EXPECT_THAT(change->mask.paths(), UnorderedElementsAre("layer_epsilon", "bias"));
  const auto lever = ParsePowerChange({"layer_epsilon.hidden=0.5"}, "", "");
  ASSERT_TRUE(lever.ok());
  EXPECT_DOUBLE_EQ(lever->mode.layer_epsilon().at("hidden"), 0.5);
}

TEST(PowerChangeTest, SwitchesAndChoicesGoByTheirWords) {
  const auto change = ParsePowerChange(
      {"epsilon_by=read_voltage", "output_gain=true", "output_shift=0"}, "", "matched");
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_EQ(change->mode.epsilon_by(), v1::EpsilonBy::READ_VOLTAGE);
  EXPECT_EQ(change->mode.bias(), v1::BiasPolicy::MATCHED);
  EXPECT_TRUE(change->mode.output_gain());
  EXPECT_TRUE(change->mode.has_output_shift());
  EXPECT_FALSE(change->mode.output_shift());
  EXPECT_THAT(change->mask.paths(),
              UnorderedElementsAre("epsilon_by", "output_gain", "output_shift", "bias"));
  const auto wrong = ParsePowerChange({"epsilon_by=read_voltag"}, "", "");
  EXPECT_THAT(FormatError(wrong.status(), false), HasSubstr("epsilon_by=read_voltage"));
  const auto maybe = ParsePowerChange({"output_gain=maybe"}, "", "");
  EXPECT_THAT(FormatError(maybe.status(), false), HasSubstr("output_gain: must be true or false"));
}

TEST(PowerChangeTest, WrongWordsAreUsageErrors) {
  const auto error = [](std::vector<std::string> levers, const std::string& epsilon,
                        const std::string& bias) {
    const auto change = ParsePowerChange(levers, epsilon, bias);
    EXPECT_FALSE(change.ok());
    EXPECT_EQ(ExitCodeOfError(change.status()), 2);
    return FormatError(change.status(), false);
  };
  EXPECT_THAT(error({"epsilom=1"}, "", ""), HasSubstr("try: epsilon=1"));
  EXPECT_THAT(error({"epsilon"}, "", ""), HasSubstr("not lever=value"));
  EXPECT_THAT(error({"epsilon=low"}, "", ""), HasSubstr("must be a number"));
  EXPECT_THAT(error({"steps=1.5"}, "", ""), HasSubstr("must be a whole number, got `1.5`\n  steps=1.5\n"));
  EXPECT_THAT(error({}, "half", ""), HasSubstr("--epsilon"));
  EXPECT_THAT(error({}, "hidden=0.2,out", ""), HasSubstr("not layer=number: `out`"));
  EXPECT_THAT(error({}, "", "tabel"), HasSubstr("one of none, table, homogeneous"));
  EXPECT_THAT(error({}, "", "tabel"), HasSubstr("try: --bias table"));
}

TEST(GridTest, ListsAndRanges) {
  EXPECT_THAT(*ParseGrid("1,0.5,0.05", "--epsilon"), ElementsAre(1, 0.5, 0.05));
  EXPECT_THAT(*ParseGrid("0.1:0.4:0.1,1", "--epsilon"), ElementsAre(0.1, 0.2, 0.3, 0.4, 1));
  EXPECT_THAT(*ParseGrid("1:0.5:-0.25", "--epsilon"), ElementsAre(1, 0.75, 0.5));
  EXPECT_EQ(ParseGrid("0.05:1:0.05", "--epsilon")->size(), 20u);
  EXPECT_DOUBLE_EQ(ParseGrid("0.05:1:0.05", "--epsilon")->back(), 1);
}

TEST(GridTest, RefusesTheRest) {
  for (const char* text : {"", "a", "1,", "1:2", "1:2:0", "1:2:-1", "0:1:1e-9", "nan", "1:inf:1"}) {
    EXPECT_FALSE(ParseGrid(text, "--epsilon").ok()) << text;
  }
}

}  // namespace
}  // namespace torpor::cli
