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

}  // namespace
}  // namespace torpor::cli
