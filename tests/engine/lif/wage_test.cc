// Integer training's operations: golden numbers of tests/golden/lif/wage.py, and what must hold of
// any of them.
#include "engine/lif/wage.h"

#include <cmath>
#include <fstream>
#include <vector>

#include "engine/base/random.h"
#include "engine/lif/weight_range.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace torpor {
namespace {

using Floats = std::vector<float>;

Floats Uniform(size_t n, float bound, uint64_t seed) {
  Floats values(n);
  RandomStream random(seed, RandomPurpose::kTest);
  for (float& v : values) v = (2 * random.NextFloat() - 1) * bound;
  return values;
}

class GoldenWageTest : public ::testing::Test {
 protected:
  GoldenWageTest() {
    std::ifstream file(TORPOR_TEST_SOURCE_DIR "/golden/lif/wage.json");
    golden_ = nlohmann::json::parse(file);
  }
  nlohmann::json golden_;
};

TEST_F(GoldenWageTest, Layers) {
  ASSERT_FALSE(golden_["layers"].empty());
  for (const auto& g : golden_["layers"]) {
    const WageLayer layer = WageLayerOf(g["bits"], g["limit"]);
    EXPECT_EQ(layer.bound, g["bound"].get<float>()) << g;
    EXPECT_EQ(layer.scale, g["scale"].get<float>()) << g;
  }
}

TEST_F(GoldenWageTest, Weights) {
  ASSERT_FALSE(golden_["weights"].empty());
  for (const auto& g : golden_["weights"]) {
    const auto stored = g["stored"].get<Floats>();
    Floats out(stored.size());
    WageWeights(stored, g["bits"], g["scale"], out);
    EXPECT_EQ(out, g["out"].get<Floats>()) << g;
  }
}

TEST_F(GoldenWageTest, Membranes) {
  ASSERT_FALSE(golden_["membranes"].empty());
  for (const auto& g : golden_["membranes"]) {
    Floats out;
    for (const float x : g["x"].get<Floats>()) out.push_back(WageMembrane(x, g["bits"]));
    EXPECT_EQ(out, g["out"].get<Floats>()) << g;
  }
}

TEST_F(GoldenWageTest, Errors) {
  ASSERT_FALSE(golden_["errors"].empty());
  for (const auto& g : golden_["errors"]) {
    const auto errors = g["errors"].get<Floats>();
    const float shift = WageShift(MaxAbs(errors));
    EXPECT_EQ(shift, g["shift"].get<float>());
    const int bits = g["bits"];
    const RoundingKey key = {5, 3, static_cast<uint64_t>(bits), 6};
    Floats out(errors.size());
    WageErrors(errors, shift, bits, v1::Rounding::UNSPECIFIED, key, out);
    EXPECT_EQ(out, g["stochastic"].get<Floats>()) << g;
    WageErrors(errors, shift, bits, v1::Rounding::NEAREST, key, out);
    EXPECT_EQ(out, g["nearest"].get<Floats>()) << g;
  }
}

TEST_F(GoldenWageTest, Updates) {
  ASSERT_FALSE(golden_["updates"].empty());
  for (const auto& g : golden_["updates"]) {
    const auto gradient = g["gradient"].get<Floats>();
    const float shift = WageShift(MaxAbs(gradient));
    EXPECT_EQ(shift, g["shift"].get<float>());
    const int bits = g["bits"];
    const RoundingKey key = {6, 4, static_cast<uint64_t>(bits), 0};
    auto stored = g["stored"].get<Floats>();
    WageUpdate(gradient, shift, g["factor"], bits, v1::Rounding::STOCHASTIC, key, stored);
    EXPECT_EQ(stored, g["stochastic"].get<Floats>()) << g;
    stored = g["stored"].get<Floats>();
    WageUpdate(gradient, shift, g["factor"], bits, v1::Rounding::NEAREST, key, stored);
    EXPECT_EQ(stored, g["nearest"].get<Floats>()) << g;
  }
}

TEST(Wage, ZerosOfAFreshLayerAreOneLevelOfMany) {
  for (const int bits : {2, 3, 4, 5, 6}) {
    const WageLayer layer = WageLayerOf(bits, 0.05f);
    const Floats stored = Uniform(200000, layer.bound, 1);
    Floats weights(stored.size());
    WageWeights(stored, bits, layer.scale, weights);
    const double p = 1.0 / ((1 << bits) - 1);
    EXPECT_NEAR(ShareOfZeros(weights), p, 5 * std::sqrt(p * (1 - p) / 200000) + 1e-4) << bits;
  }
}

TEST(Wage, WeightsAreIdempotentAndBounded) {
  const Floats stored = Uniform(5000, 1.5f, 2);
  for (int bits = 2; bits <= 16; ++bits) {
    Floats once(stored.size()), twice(stored.size());
    WageWeights(stored, bits, 1, once);
    WageWeights(once, bits, 1, twice);
    EXPECT_EQ(once, twice) << bits;
    EXPECT_EQ(MaxAbs(once), WageHighest(bits)) << bits;
    for (size_t i = 0; i < stored.size(); ++i) {
      if (std::abs(stored[i]) <= WageHighest(bits)) {
        ASSERT_LE(std::abs(once[i] - stored[i]), WageStep(bits) / 2) << bits;
      }
    }
  }
}

// Both signs alike: weights on a grid that is finer by two bits lean to neither side.
TEST(Wage, WeightsLeanToNoSide) {
  Floats grid, out;
  for (int k = -28; k <= 28; ++k) grid.push_back(static_cast<float>(k) / 32);
  out.resize(grid.size());
  WageWeights(grid, 4, 1, out);
  float sum = 0;
  for (const float w : out) sum += w;
  EXPECT_EQ(sum, 0);
}

TEST(Wage, MembraneCopyIsIdempotentAndKeepsTheSign) {
  for (const int bits : {2, 4, 8, 12, 16}) {
    for (const float x : Uniform(2000, 3, 3)) {
      const float copy = WageMembrane(x, bits);
      ASSERT_EQ(WageMembrane(copy, bits), copy);
      ASSERT_LE(std::abs(copy), 2 * WageHighest(bits));
      ASSERT_GE(copy * x, 0);
    }
  }
}

TEST(Wage, ShiftIsTheNearestPowerOfTwoInRatio) {
  EXPECT_EQ(WageShift(0), 1);
  EXPECT_EQ(WageShift(1), 1);
  EXPECT_EQ(WageShift(1.414f), 1);
  EXPECT_EQ(WageShift(1.415f), 2);
  EXPECT_EQ(WageShift(0.70710f), 0.5f);
  EXPECT_EQ(WageShift(0.70711f), 1);
  EXPECT_EQ(WageShift(1e-30f), std::ldexp(1.0f, -100));
}

TEST(Wage, LargestMagnitude) {
  EXPECT_EQ(MaxAbs({}), 0);
  for (const size_t n : {size_t{1}, size_t{15}, size_t{16}, size_t{40}}) {
    for (size_t at = 0; at < n; ++at) {
      Floats values(n, 0.5f);
      values[at] = -2;
      ASSERT_EQ(MaxAbs(values), 2) << n << " " << at;
    }
  }
}

TEST(Wage, StochasticErrorsAreUnbiasedAndBounded) {
  constexpr size_t kCount = 40000;
  for (const float e : {0.0f, 0.001f, 0.1f, -0.3f, 0.74f}) {
    const Floats errors(kCount, e);
    Floats out(kCount);
    WageErrors(errors, 1, 3, v1::Rounding::STOCHASTIC, {1, 2, 3, 0}, out);
    double sum = 0;
    for (const float x : out) {
      ASSERT_LT(std::abs(x - e), 0.25f);
      sum += x;
    }
    // A rounding's standard deviation is at most half a step of 1/4.
    EXPECT_NEAR(sum / kCount, e, 5 * 0.125 / std::sqrt(kCount));
  }
  // Clipped first: whatever the noise, the ends stay.
  const Floats far = {-5, 5, -0.99f, 0.99f};
  Floats out(4);
  WageErrors(far, 1, 3, v1::Rounding::STOCHASTIC, {1, 2, 3, 0}, out);
  EXPECT_EQ(out, (Floats{-0.75f, 0.75f, -0.75f, 0.75f}));
}

TEST(Wage, StochasticUpdatesAreUnbiased) {
  constexpr size_t kCount = 40000;
  const Floats gradient(kCount, 0.3f);
  Floats stored(kCount, 0.0f);
  WageUpdate(gradient, 2, 4, 8, v1::Rounding::STOCHASTIC, {1, 2, 3, 0}, stored);
  double sum = 0;
  for (const float w : stored) {
    ASSERT_TRUE(w == 0 || w == -1.0f / 128) << w;
    sum += w;
  }
  EXPECT_NEAR(sum / kCount, -0.6 / 128, 5 * 0.5 / 128 / std::sqrt(kCount));
}

TEST(Wage, UpdatesStayOnTheGridAndInBounds) {
  Floats stored = Uniform(3000, 1, 4);
  WageWeights(stored, 5, 1, stored);
  for (uint64_t write = 0; write < 50; ++write) {
    const Floats gradient = Uniform(3000, 7, 10 + write);
    WageUpdate(gradient, WageShift(MaxAbs(gradient)), 4, 5, v1::Rounding::STOCHASTIC,
               {1, 0, write, 0}, stored);
  }
  Floats rounded(stored.size());
  WageWeights(stored, 5, 1, rounded);
  EXPECT_EQ(stored, rounded);
}

// Parts of an array, as threads would take them, are the whole's.
TEST(Wage, PartsAreTheWhole) {
  const Floats gradient = Uniform(3000, 1, 5);
  Floats whole(3000, 0.5f), parts(3000, 0.5f);
  WageUpdate(gradient, 1, 2, 8, v1::Rounding::STOCHASTIC, {1, 2, 3, 0}, whole);
  const std::span<const float> g(gradient);
  const std::span<float> p(parts);
  WageUpdate(g.first(1203), 1, 2, 8, v1::Rounding::STOCHASTIC, {1, 2, 3, 0}, p.first(1203));
  WageUpdate(g.subspan(1203), 1, 2, 8, v1::Rounding::STOCHASTIC, {1, 2, 3, 1203}, p.subspan(1203));
  EXPECT_EQ(whole, parts);
}

TEST(WeightRange, GoldenRanges) {
  // Root mean square sqrt((2.25 + 10.25) / 2) = 2.5.
  const Floats weights = {1.5f, -3.2015621f, 1.5f, 3.2015621f};
  const double r[] = {1.6, 2.5, 3.2, 4, 4};
  const int bits[] = {2, 3, 4, 5, 8};
  for (size_t i = 0; i < 5; ++i) {
    const WeightRange range = RangeOf(weights, bits[i]);
    EXPECT_NEAR(range.step, 2.5 * r[i] / std::pow(2, bits[i] - 1), 1e-6) << bits[i];
    EXPECT_EQ(range.highest, (1 << (bits[i] - 1)) - 1);
  }
  // Two bits: steps of 2 within +-2; halves of it go to the even level.
  Floats out(7);
  QuantiseInRange(Floats{0.9f, 1.0f, 1.1f, -1.0f, -1.1f, 9, -9}, {2, 1}, out);
  EXPECT_EQ(out, (Floats{0, 0, 2, 0, -2, 2, -2}));
  // Four steps a side: 1.5 and 2.5 steps both are two.
  out.resize(4);
  QuantiseInRange(Floats{0.75f, 1.25f, -0.75f, -1.25f}, {0.5f, 7}, out);
  EXPECT_EQ(out, (Floats{1, 1, -1, -1}));
}

TEST(WeightRange, IsIdempotentAndBounded) {
  const Floats weights = Uniform(4001, 0.3f, 6);
  for (int bits = 2; bits <= 16; ++bits) {
    const WeightRange range = RangeOf(weights, bits);
    Floats once(weights.size()), twice(weights.size());
    QuantiseInRange(weights, range, once);
    QuantiseInRange(once, range, twice);
    EXPECT_EQ(once, twice) << bits;
    const float highest = static_cast<float>(range.highest) * range.step;
    for (size_t i = 0; i < weights.size(); ++i) {
      ASSERT_LE(std::abs(once[i]), highest) << bits;
      if (std::abs(weights[i]) <= highest) {
        ASSERT_LE(std::abs(once[i] - weights[i]), range.step / 2 + 1e-7f) << bits;
      }
    }
  }
}

TEST(WeightRange, NothingAndZeros) {
  EXPECT_EQ(RangeOf({}, 4).step, 0);
  const Floats zeros(5);
  Floats out(5, 3.0f);
  QuantiseInRange(zeros, RangeOf(zeros, 4), out);
  EXPECT_EQ(out, zeros);
  EXPECT_EQ(ShareOfZeros({}), 0);
  EXPECT_EQ(ShareOfZeros(Floats{0, -0.0f, 1, -2}), 0.5);
}

}  // namespace
}  // namespace torpor
