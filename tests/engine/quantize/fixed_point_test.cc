#include "engine/quantize/fixed_point.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "engine/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using R = v1::Rounding;

constexpr R::Kind kKinds[] = {R::TRUNCATE, R::NEAREST, R::STOCHASTIC};

// Weights and membranes of the notes, steps above 1, ranges below a step of others, one bit, and
// formats wider than a float.
const FixedPoint kFormats[] = {{0, 8, false},   {0, 1, false},  {8, -1, true},   {8, 7, true},
                               {8, -5, true},   {-3, 11, true}, {-2, 3, false},  {0, 0, true},
                               {4, 20, false},  {0, 31, true},  {20, 12, false}, {64, -40, false},
                               {-64, 96, false}};

// Floats of every size about the format: random ones, its numbers and halves, and their neighbours.
std::vector<float> Probes(const FixedPoint& format) {
  RandomStream random(3, RandomPurpose::kTest);
  std::vector<float> probes = {0.0f, -0.0f, format.lowest(), format.highest(),
                               std::ldexp(1.0f, format.integer_bits)};
  for (int i = 0; i < 400; ++i) {
    const int exponent =
        format.integer_bits + 1 - static_cast<int>(random.NextBelow(format.bits() + 30u));
    const float x = std::ldexp(2 * random.NextFloat() - 1, exponent);
    probes.push_back(x);
    probes.push_back((std::floor(x / format.step()) + 0.5f) * format.step());
  }
  const size_t n = probes.size();
  for (size_t i = 0; i < n; ++i) {
    probes.push_back(std::nextafter(probes[i], -std::numeric_limits<float>::infinity()));
    probes.push_back(std::nextafter(probes[i], std::numeric_limits<float>::infinity()));
  }
  return probes;
}

// In double, whose 53 bits hold x, its steps and the half.
double Expected(float x, const FixedPoint& format, double add) {
  const double steps = std::floor(std::ldexp(double{x}, format.fraction_bits) + add);
  const double stored = std::ldexp(steps, -format.fraction_bits);
  return std::clamp(stored, double{format.lowest()}, double{format.highest()});
}

TEST(FixedPointTest, RangesOfTheNotes) {
  const FixedPoint weight = {0, 8, false};
  EXPECT_EQ(weight.bits(), 8);
  EXPECT_EQ(weight.lowest(), 0);
  EXPECT_EQ(weight.highest(), 1 - 0x1p-8f);
  // Membranes: 1 + 8 + f bits with f = B - 9.
  const FixedPoint membrane = {8, -1, true};
  EXPECT_EQ(membrane.bits(), 8);
  EXPECT_EQ(membrane.step(), 2);
  EXPECT_EQ(membrane.lowest(), -256);
  EXPECT_EQ(membrane.highest(), 254);
  EXPECT_EQ(Quantise(-500, membrane, R::TRUNCATE), -256);
  EXPECT_EQ(Quantise(500, membrane, R::TRUNCATE), 254);
  // A format that float cannot hold ends at a number that it can.
  const FixedPoint wide = {0, 31, true};
  EXPECT_EQ(wide.highest(), std::nextafter(1.0f, 0.0f));
  EXPECT_EQ(wide.lowest(), -1);
}

TEST(FixedPointTest, TruncationAndNearestAreRightToTheLastBit) {
  for (const FixedPoint& format : kFormats) {
    for (float x : Probes(format)) {
      if (std::abs(x) < std::ldexp(1.0, -126 - format.fraction_bits) && x != 0) continue;
      ASSERT_EQ(Quantise(x, format, R::TRUNCATE), Expected(x, format, 0))
          << x << " in " << format.bits() << " bits of step " << format.step();
      ASSERT_EQ(Quantise(x, format, R::NEAREST), Expected(x, format, 0.5))
          << x << " in " << format.bits() << " bits of step " << format.step();
      ASSERT_EQ(Quantise(x, format, R::UNSPECIFIED), Quantise(x, format, R::NEAREST));
    }
  }
}

// Where the lost part is no float.
TEST(FixedPointTest, TheLeastNegativeNumbersTruncateToAWholeStepDown) {
  const FixedPoint format = {8, 0, true};
  EXPECT_EQ(Quantise(-1e-10f, format, R::TRUNCATE), -1);
  EXPECT_EQ(Quantise(-1e-10f, format, R::NEAREST), 0);
  EXPECT_EQ(Quantise(std::nextafter(0.5f, 0.0f), format, R::NEAREST), 0);
  EXPECT_EQ(Quantise(0.5f, format, R::NEAREST), 1);
  EXPECT_EQ(Quantise(-0.5f, format, R::NEAREST), 0);
  EXPECT_EQ(Quantise(-2.25f, format, R::TRUNCATE), -3);
}

TEST(FixedPointTest, StochasticIsTheFloorOfTheSumWithTheNoise) {
  RandomStream random(4, RandomPurpose::kTest);
  const FixedPoint format = {3, 10, true};
  for (int i = 0; i < 20000; ++i) {
    // Numbers whose lost part has at most 14 bits, so that the sum is exact.
    const float x =
        static_cast<float>(static_cast<int64_t>(random.NextBelow(1 << 24)) - (1 << 23)) * 0x1p-20f;
    const float noise = random.NextFloat();
    ASSERT_EQ(Quantise(x, format, R::STOCHASTIC, noise), Expected(x, format, noise)) << x;
  }
}

TEST(FixedPointTest, StoredNumbersAreIdempotentInRangeAndNeverMinusZero) {
  RandomStream random(5, RandomPurpose::kTest);
  for (const FixedPoint& format : kFormats) {
    for (R::Kind kind : kKinds) {
      for (float x : Probes(format)) {
        const float stored = Quantise(x, format, kind, random.NextFloat());
        ASSERT_GE(stored, format.lowest());
        ASSERT_LE(stored, format.highest());
        ASSERT_EQ(std::fmod(double{stored}, double{format.step()}), 0);
        ASSERT_FALSE(stored == 0 && std::signbit(stored));
        for (R::Kind again : kKinds) {
          ASSERT_EQ(Quantise(stored, format, again, random.NextFloat()), stored);
        }
      }
    }
  }
}

TEST(FixedPointTest, LargerNumbersAreStoredNoSmaller) {
  for (const FixedPoint& format : kFormats) {
    std::vector<float> probes = Probes(format);
    std::sort(probes.begin(), probes.end());
    for (R::Kind kind : kKinds) {
      for (float noise : {0.0f, 0.3f, 1 - 0x1p-24f}) {
        for (size_t i = 1; i < probes.size(); ++i) {
          ASSERT_LE(Quantise(probes[i - 1], format, kind, noise),
                    Quantise(probes[i], format, kind, noise));
        }
      }
    }
  }
}

TEST(FixedPointTest, InfinitiesSaturate) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const FixedPoint& format : kFormats) {
    for (R::Kind kind : kKinds) {
      EXPECT_EQ(Quantise(infinity, format, kind, 0.5f), format.highest());
      EXPECT_EQ(Quantise(-infinity, format, kind, 0.5f), format.lowest());
    }
  }
}

TEST(FixedPointTest, StochasticIsRightInTheMean) {
  RandomStream random(6, RandomPurpose::kTest);
  const FixedPoint format = {2, 3, true};
  constexpr int kDraws = 40000;
  for (float x : {0.01f, 1.3f, -0.04f, -2.71f, 1.0f / 3}) {
    std::set<float> seen;
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) {
      const float stored = Quantise(x, format, R::STOCHASTIC, random.NextFloat());
      seen.insert(stored);
      sum += stored;
    }
    const double chance = std::ldexp(double{x}, 3) - std::floor(std::ldexp(double{x}, 3));
    const double sigma = format.step() * std::sqrt(chance * (1 - chance) / kDraws);
    EXPECT_NEAR(sum / kDraws, x, 4.5 * sigma);
    EXPECT_THAT(seen, ::testing::SizeIs(2)) << "its two neighbours alone";
  }
}

TEST(FixedPointTest, BitsOutsideTheirRangeNameTheField) {
  EXPECT_TRUE(CheckBits(1, "bits").ok());
  EXPECT_TRUE(CheckBits(32, "bits").ok());
  const absl::Status status = CheckBits(33, "stdp.weight.bits");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "stdp.weight.bits: must be in 1..32, got 33");
  EXPECT_FALSE(CheckBits(0, "bits").ok());
}

TEST(FixedPointTest, FormatsHaveAsManyBitsAsAWord) {
  for (const FixedPoint& format : kFormats) EXPECT_TRUE(IsFormat(format));
  EXPECT_FALSE(IsFormat({0, 0, false}));
  EXPECT_FALSE(IsFormat({0, 32, true}));
  EXPECT_FALSE(IsFormat({65, -60, false}));
  EXPECT_FALSE(IsFormat({std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), true}));
}

}  // namespace
}  // namespace torpor
