#include "client/cli/reproduce/interval.h"

#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

// Table values of Student's distribution, two-sided 95 %.
TEST(StudentQuantile, MatchesTheTables) {
  EXPECT_NEAR(StudentQuantile(1), 12.7062047, 1e-6);
  EXPECT_NEAR(StudentQuantile(2), 4.30265273, 1e-8);
  EXPECT_NEAR(StudentQuantile(3), 3.18244631, 1e-8);
  EXPECT_NEAR(StudentQuantile(4), 2.77644511, 1e-8);
  EXPECT_NEAR(StudentQuantile(9), 2.26215716, 1e-8);
  EXPECT_NEAR(StudentQuantile(30), 2.04227246, 1e-8);
  EXPECT_NEAR(StudentQuantile(1000), 1.96233908, 1e-7);
}

TEST(StudentInterval, IsTheMeanAndItsStandardError) {
  // mean 0.92, s = 0.01, half = 4.30265 * 0.01 / sqrt(3).
  const auto interval = StudentInterval({0.91, 0.92, 0.93});
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(interval->low, 0.92 - 0.0248413771, 1e-8);
  EXPECT_NEAR(interval->high, 0.92 + 0.0248413771, 1e-8);
}

TEST(StudentInterval, NeedsThreeSeeds) {
  EXPECT_FALSE(StudentInterval({0.9}).has_value());
  EXPECT_FALSE(StudentInterval({0.9, 0.91}).has_value());
  const auto equal = StudentInterval({0.5, 0.5, 0.5});
  ASSERT_TRUE(equal.has_value());
  EXPECT_EQ(equal->low, 0.5);
  EXPECT_EQ(equal->high, 0.5);
}

TEST(Deviation, DividesByOneLess) {
  EXPECT_EQ(Deviation({3}), 0);
  EXPECT_NEAR(Deviation({1, 2, 3, 4}), 1.2909944487, 1e-9);
}

}  // namespace
}  // namespace torpor::cli::reproduce
