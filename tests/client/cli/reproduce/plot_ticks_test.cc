#include "client/cli/reproduce/plot_ticks.h"

#include "client/cli/reproduce/figures.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PlotTicks, ArePowersOfTenWithBothEnds) {
  EXPECT_THAT(DecadeTicks(1, 1000),
              ElementsAre(DoubleEq(1), DoubleEq(10), DoubleEq(100), DoubleEq(1000)));
  EXPECT_THAT(DecadeTicks(1.5, 9), IsEmpty());
  EXPECT_THAT(DecadeTicks(1e-9, 0.02), ElementsAre(DoubleEq(1e-3), DoubleEq(1e-2)));
}

TEST(PlotTicks, AreRoundAndBeginWithinADecade) {
  // 5 is of the decade that begins below the range.
  EXPECT_THAT(RoundTicks(3, 50),
              ElementsAre(DoubleEq(5), DoubleEq(10), DoubleEq(20), DoubleEq(50)));
  EXPECT_THAT(RoundTicks(2.1, 4.9), IsEmpty());
}

TEST(PlotTicks, OfNaspGoFromHalfAPerCentToFiveTimesFullPower) {
  const std::vector<double> ticks = NaspAxis(0.01, 1e4).ticks;
  EXPECT_THAT(ticks.front(), DoubleEq(0.5));
  EXPECT_THAT(ticks.back(), DoubleEq(500));
  EXPECT_EQ(ticks.size(), 10u);
}

}  // namespace
}  // namespace torpor::cli::reproduce
