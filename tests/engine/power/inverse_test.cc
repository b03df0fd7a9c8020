#include "engine/power/inverse.h"

#include <cmath>

#include "gtest/gtest.h"

namespace torpor {
namespace {

constexpr InverseOptions kUnit = {.low = -5, .high = 0, .start = -2, .tolerance = 1e-10};

Inverse Find(const std::function<double(double)>& curve, double target, InverseOptions options,
             int* calls = nullptr) {
  auto counted = [&](double x) -> absl::StatusOr<double> {
    EXPECT_GE(x, options.low);
    EXPECT_LE(x, options.high);
    if (calls != nullptr) ++*calls;
    return curve(x);
  };
  const auto inverse = Invert(counted, target, options);
  EXPECT_TRUE(inverse.ok()) << inverse.status();
  return *inverse;
}

// The sums of powers that policies draw: e (P1 + B1) + e^2 B2 + e^3 P2.
double Polynomial(double x) {
  const double e = std::exp(x);
  return 0.76 * e + 0.01 * e * e + 0.23 * e * e * e;
}

TEST(InverseTest, UndoesTheCurveWhereverItStarts) {
  for (double x : {-4.9, -3.0, -1.5, -0.2, -0.001}) {
    for (double start : {-9.0, -5.0, -2.5, -0.1, 0.0, 3.0}) {
      InverseOptions options = kUnit;
      options.start = start;
      int calls = 0;
      const Inverse inverse = Find(Polynomial, Polynomial(x), options, &calls);
      EXPECT_EQ(inverse.place, Inverse::Place::kWithin);
      EXPECT_NEAR(inverse.argument, x, 1e-6);
      EXPECT_NEAR(inverse.value, Polynomial(x), options.tolerance);
      EXPECT_LE(calls, 16);
    }
  }
}

TEST(InverseTest, AFloorThatNeverFallsAwayIsSlowButFound) {
  auto curve = [](double x) { return 0.1 + 1e-3 * std::exp(x); };
  const Inverse inverse = Find(curve, curve(-4), kUnit);
  EXPECT_NEAR(inverse.argument, -4, 1e-4);
}

TEST(InverseTest, TargetsBeyondTheEndsAreSaidToBe) {
  const Inverse low = Find(Polynomial, 1e-4, kUnit);
  EXPECT_EQ(low.place, Inverse::Place::kBelowLow);
  EXPECT_EQ(low.argument, kUnit.low);
  EXPECT_EQ(low.value, Polynomial(kUnit.low));
  const Inverse high = Find(Polynomial, 1.5, kUnit);
  EXPECT_EQ(high.place, Inverse::Place::kAboveHigh);
  EXPECT_EQ(high.argument, kUnit.high);
  // The ends themselves are within.
  EXPECT_EQ(Find(Polynomial, Polynomial(0), kUnit).place, Inverse::Place::kWithin);
  EXPECT_EQ(Find(Polynomial, Polynomial(-5), kUnit).place, Inverse::Place::kWithin);
}

TEST(InverseTest, AJumpAcrossTheTargetIsAnsweredByItsNearerSide) {
  auto step = [](double x) { return x < -2.345 ? 0.2 : 0.6; };
  int calls = 0;
  const Inverse near_low = Find(step, 0.3, kUnit, &calls);
  EXPECT_EQ(near_low.value, 0.2);
  EXPECT_NEAR(near_low.argument, -2.345, 1e-9);
  EXPECT_LT(calls, 200);
  EXPECT_EQ(Find(step, 0.55, kUnit).value, 0.6);
}

// Rounding makes measured curves rough; the bracket holds all the same.
TEST(InverseTest, ARoughCurveEnds) {
  auto rough = [](double x) { return Polynomial(x) * (1 + 1e-7 * std::sin(1e9 * x)); };
  const Inverse inverse = Find(rough, 0.3, kUnit);
  EXPECT_NEAR(Polynomial(inverse.argument), 0.3, 1e-7);
}

TEST(InverseTest, ErrorsOfTheCurveEndIt) {
  const auto inverse = Invert(
      [](double) -> absl::StatusOr<double> { return absl::CancelledError("stop"); }, 0.5, kUnit);
  EXPECT_EQ(inverse.status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace torpor
