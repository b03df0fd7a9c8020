#include "client/cli/sweep_grid.h"

#include "client/cli/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SweepGridTest, CarriesLeversLayersAndNoise) {
  SweepGrid grid;
  grid.dataset = "mnist";
  grid.split = "validation";
  grid.bias = "none,matched";
  grid.levers = {"epsilon_by=read_time"};
  grid.epsilon_layers = "hidden,out";
  grid.noise = "0.01,0.1";
  grid.noise_seeds = 7;
  const auto sweep = ParseSweepGrid(grid);
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  EXPECT_EQ(sweep->dataset(), "datasets/mnist");
  EXPECT_EQ(sweep->split(), v1::Split::VALIDATION);
  EXPECT_THAT(sweep->bias(), ElementsAre(v1::BiasPolicy::NONE, v1::BiasPolicy::MATCHED));
  EXPECT_EQ(sweep->base().epsilon_by(), v1::EpsilonBy::READ_TIME);
  EXPECT_FALSE(sweep->base().has_epsilon());
  EXPECT_THAT(sweep->epsilon_layers(), ElementsAre("hidden", "out"));
  EXPECT_THAT(sweep->noise().levels(), ElementsAre(0.01, 0.1));
  EXPECT_EQ(sweep->noise().seeds(), 7);
}

TEST(SweepGridTest, NoiseIsTheServersUnlessSaid) {
  const auto usual = ParseNoise("", 0);
  ASSERT_TRUE(usual.ok());
  EXPECT_FALSE(usual->without());
  EXPECT_TRUE(usual->levels().empty());
  const auto none = ParseNoise("none", 0);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->without());
  EXPECT_THAT(FormatError(ParseNoise("loud", 0).status(), false), HasSubstr("--noise"));
}

v1::Session WithLevers(const std::vector<std::pair<const char*, double>>& levers) {
  v1::Session session;
  for (const auto& [name, maximum] : levers) {
    v1::Lever& lever = *session.add_levers();
    lever.set_name(name);
    lever.set_maximum(maximum);
  }
  return session;
}

v1::PowerSweepSpec Filled(const v1::Session& session, const std::vector<std::string>& levers) {
  SweepGrid grid;
  grid.levers = levers;
  FillSweepGrid(session, "none,table", grid);
  const auto sweep = ParseSweepGrid(grid);
  EXPECT_TRUE(sweep.ok()) << sweep.status();
  return *sweep;
}

std::vector<int> StepsOf(const v1::PowerSweepSpec& sweep) {
  std::vector<int> steps;
  for (const v1::LeverAxis& axis : sweep.axes()) {
    for (const v1::PowerMode& mode : axis.values()) steps.push_back(mode.steps());
  }
  return steps;
}

TEST(SweepGridTest, NetworksOfStepsAreSweptOverTheirPowersOfTwo) {
  const v1::Session cores = WithLevers({{"steps", 20}, {"copies", 1}, {"margin", 100}});
  const v1::PowerSweepSpec usual = Filled(cores, {});
  EXPECT_THAT(StepsOf(usual), ElementsAre(1, 2, 4, 8, 16, 20));
  EXPECT_TRUE(usual.epsilon().empty() && usual.bias().empty());
  const v1::PowerSweepSpec early = Filled(cores, {"margin=5"});
  EXPECT_THAT(StepsOf(early), ElementsAre(1, 2, 4, 8, 16, 20));
  EXPECT_EQ(early.base().margin(), 5);
}

TEST(SweepGridTest, AValueOfALeverIsNotSweptOver) {
  const v1::Session cores = WithLevers({{"steps", 20}, {"margin", 100}});
  const v1::PowerSweepSpec one = Filled(cores, {"steps=16", "margin=20"});
  EXPECT_THAT(StepsOf(one), ElementsAre(16));
  EXPECT_EQ(one.axes(0).values(0).margin(), 20);
  const v1::PowerSweepSpec margins = Filled(cores, {"steps=16", "margin=20,40"});
  ASSERT_EQ(margins.axes_size(), 1);
  EXPECT_EQ(margins.axes(0).values_size(), 2);
  EXPECT_EQ(margins.base().steps(), 16);
  EXPECT_THAT(StepsOf(Filled(WithLevers({{"steps", 1}}), {})), ElementsAre(0))
      << "a network of one step has one mode";
  const v1::PowerSweepSpec scaled =
      Filled(WithLevers({{"epsilon", 1}, {"bias", 0}}), {"epsilon=0.5"});
  EXPECT_TRUE(scaled.epsilon().empty());
  EXPECT_EQ(scaled.base().epsilon(), 0.5);
  EXPECT_EQ(scaled.bias_size(), 2);
}

TEST(SweepGridTest, FlagsGoBeforeARecipe) {
  v1::PowerSweepSpec recipe;
  recipe.set_dataset("mnist");
  recipe.set_samples(100);
  recipe.add_axes()->add_values()->set_steps(4);
  recipe.mutable_noise()->set_without(true);
  const auto same = LaySweepGridOver(recipe, {});
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->dataset(), "datasets/mnist");
  EXPECT_THAT(StepsOf(*same), ElementsAre(4));
  EXPECT_TRUE(same->noise().without());

  SweepGrid grid;
  grid.dataset = "fashion-mnist";
  grid.levers = {"steps=1,2", "margin=9"};
  const auto other = LaySweepGridOver(recipe, grid);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->dataset(), "datasets/fashion-mnist");
  EXPECT_THAT(StepsOf(*other), ElementsAre(1, 2));
  EXPECT_EQ(other->base().margin(), 9);
  EXPECT_EQ(other->samples(), 100);
  EXPECT_THAT(FormatError(LaySweepGridOver({}, {}).status(), false), HasSubstr("--dataset"));
}

}  // namespace
}  // namespace torpor::cli
