#include "engine/quantize/range.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

RangeObserver Observed(std::vector<float> values) {
  RangeObserver observer;
  observer.Observe(values);
  return observer;
}

TEST(RangeTest, PowersOfTwoAreHeldBelowZeroButNotAbove) {
  EXPECT_EQ(Observed({0.999f}).IntegerBits(), 0);
  EXPECT_EQ(Observed({1.0f}).IntegerBits(), 1);
  EXPECT_EQ(Observed({-1.0f}).IntegerBits(), 0);
  EXPECT_EQ(Observed({std::nextafter(-1.0f, -2.0f)}).IntegerBits(), 1);
  EXPECT_EQ(Observed({0.2f, -0.1f}).IntegerBits(), -2);
  EXPECT_EQ(Observed({-256.0f, 255.9f}).IntegerBits(), 8);
  EXPECT_EQ(Observed({0.0f, -0.0f}).IntegerBits(), 0);
  EXPECT_EQ(Observed({}).IntegerBits(), 0);
}

TEST(RangeTest, TheEndsOfWhatAFormatMayHave) {
  EXPECT_EQ(Observed({1e-40f}).IntegerBits(), -64);
  EXPECT_EQ(Observed({0x1p-64f}).IntegerBits(), -63);
  EXPECT_EQ(Observed({0x1.8p63f}).IntegerBits(), 64);
  EXPECT_EQ(Observed({std::numeric_limits<float>::infinity()}).IntegerBits(), 64);
  EXPECT_TRUE(IsFormat(Observed({1e-40f}).Format(32)));
  EXPECT_TRUE(IsFormat(Observed({-1e38f}).Format(1)));
}

TEST(RangeTest, FormatsAreSignedWhereAValueIs) {
  EXPECT_EQ(Observed({0.3f, 0.7f}).Format(8), (FixedPoint{0, 8, false}));
  EXPECT_EQ(Observed({0.3f, -0.7f}).Format(8), (FixedPoint{0, 7, true}));
  EXPECT_EQ(Observed({300.0f, -0.5f}).Format(8), (FixedPoint{9, -2, true}));
  // An outlier that may saturate still makes the format signed.
  EXPECT_EQ(Observed({0.3f, 0.2f, 0.4f, -7.0f}).Format(8, 0.25), (FixedPoint{-1, 8, true}));
}

// Against the definition: all widths tried, from the narrowest.
TEST(RangeTest, NoNarrowerRangeHoldsAllButTheOutliers) {
  RandomStream random(1, RandomPurpose::kTest);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> values(1 + random.NextBelow(200));
    for (float& x : values) {
      x = std::ldexp(random.NextFloat() - 0.5f, static_cast<int>(random.NextBelow(30)) - 15);
      if (random.NextBelow(5) == 0) x = 0;
    }
    const RangeObserver observer = Observed(values);
    for (double outliers : {0.0, 0.01, 0.1, 0.5}) {
      int wanted = -64;
      const auto outside = [&](int bits) {
        return std::count_if(values.begin(), values.end(), [&](float x) {
          return x < -std::ldexp(1.0f, bits) || x >= std::ldexp(1.0f, bits);
        });
      };
      while (static_cast<double>(outside(wanted)) >
             std::floor(outliers * static_cast<double>(values.size()))) {
        ++wanted;
      }
      if (std::all_of(values.begin(), values.end(), [](float x) { return x == 0; })) wanted = 0;
      ASSERT_EQ(observer.IntegerBits(outliers), wanted) << outliers;
    }
  }
}

TEST(RangeTest, PartsMergeToTheWhole) {
  RandomStream random(2, RandomPurpose::kTest);
  std::vector<float> values(1000);
  random.FillNormal(values);
  RangeObserver whole, parts;
  whole.Observe(values);
  parts.Merge(RangeObserver());
  for (size_t at = 0; at < values.size(); at += 300) {
    RangeObserver part;
    part.Observe(std::span(values).subspan(at, std::min<size_t>(300, values.size() - at)));
    parts.Merge(part);
  }
  EXPECT_EQ(parts.count(), 1000);
  EXPECT_EQ(parts.lowest(), whole.lowest());
  EXPECT_EQ(parts.highest(), whole.highest());
  for (double outliers : {0.0, 0.3}) {
    EXPECT_EQ(parts.Format(8, outliers), whole.Format(8, outliers));
  }
  // Positive values alone: the range does not begin at a zero that nobody saw.
  EXPECT_EQ(Observed({3, 4}).lowest(), 3);
}

TEST(RangeTest, ComesBackFromItsNumbers) {
  const RangeObserver observer = Observed({-3, 0, 0.2f, 70});
  const std::vector<double> numbers = observer.ToNumbers();
  TORPOR_ASSERT_OK_AND_ASSIGN(const RangeObserver again, RangeObserver::FromNumbers(numbers));
  EXPECT_EQ(again.ToNumbers(), numbers);
  EXPECT_EQ(again.Format(12, 0.25), observer.Format(12, 0.25));
  for (const auto& [place, value] : {std::pair(0, -1.0), std::pair(0, 2.0), std::pair(1, 71.0),
                                     std::pair(9, 0.5), std::pair(9, std::nan(""))}) {
    std::vector<double> wrong = numbers;
    wrong[static_cast<size_t>(place)] = value;
    EXPECT_THAT(RangeObserver::FromNumbers(wrong), StatusIs(absl::StatusCode::kInvalidArgument))
        << place;
  }
  EXPECT_FALSE(RangeObserver::FromNumbers(std::span(numbers).first(5)).ok());
}

TEST(RangeTest, AFormatForAllChangesThemByLessThanAStep) {
  RandomStream random(3, RandomPurpose::kTest);
  std::vector<float> values(500);
  random.FillNormal(values);
  const FixedPoint format = Observed(values).Format(10);
  for (float x : values) {
    EXPECT_LT(std::abs(Quantise(x, format, v1::Rounding::TRUNCATE) - x), format.step());
  }
}

}  // namespace
}  // namespace torpor
