#include "engine/scaling/table_one.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"

namespace torpor {
namespace {

// Integral of weight(s) s p(s) over that of weight(s) p(s), s ~ N(mean, stddev), by Simpson's rule
// on [low, high].
template <typename Weight>
double WeightedMean(Weight weight, double mean, double stddev, double low, double high) {
  constexpr int kSteps = 200000;
  const double h = (high - low) / kSteps;
  // Relative to the density at the end nearest to the mean, so that far tails do not underflow.
  const double nearest = std::min(std::max(mean, low), high);
  double top = 0;
  double bottom = 0;
  for (int i = 0; i <= kSteps; ++i) {
    const double s = low + i * h;
    const double z = (s - mean) / stddev;
    const double z0 = (nearest - mean) / stddev;
    const double simpson = i == 0 || i == kSteps ? 1 : (i % 2 == 1 ? 4 : 2);
    const double w = simpson * std::exp((z0 * z0 - z * z) / 2) * weight(s);
    top += w * s;
    bottom += w;
  }
  return top / bottom;
}

double SquaredSlope(v1::Activation::Kind activation, double s) {
  if (activation == v1::Activation::SIGMOID) {
    const double e = std::exp(-std::fabs(s));
    return std::pow(e / ((1 + e) * (1 + e)), 2);
  }
  const double c = std::cosh(s);
  return 1 / (c * c * c * c);
}

// tests/golden/table_one.csv, made by table_one.py beside it.
TEST(TableOneTest, MatchesTheGoldenTable) {
  std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/table_one.csv");
  ASSERT_TRUE(file.good());
  std::string line;
  std::getline(file, line);
  int rows = 0;
  while (std::getline(file, line)) {
    std::stringstream fields(line);
    std::string name, mean, stddev, table, numeric;
    std::getline(fields, name, ',');
    std::getline(fields, mean, ',');
    std::getline(fields, stddev, ',');
    std::getline(fields, table, ',');
    std::getline(fields, numeric, ',');
    const auto activation = name == "relu"      ? v1::Activation::RELU
                            : name == "sigmoid" ? v1::Activation::SIGMOID
                                                : v1::Activation::TANH;
    const double m = TableOneMean(activation, std::stod(mean), std::stod(stddev));
    EXPECT_NEAR(m, std::stod(table), 1e-8) << line;
    if (name == "relu") {
      EXPECT_NEAR(m, std::stod(numeric), 1e-4) << line;
    }
    ++rows;
  }
  EXPECT_EQ(rows, 30);
}

// The values that the reference notes print for eq. 11 (ReLU and k = 0.525).
TEST(TableOneTest, MatchesThePublishedChecks) {
  EXPECT_NEAR(TableOneMean(v1::Activation::RELU, -0.1, 0.25), 0.1672, 1e-4);
  EXPECT_NEAR(TableOneMean(v1::Activation::RELU, -5, 3), 1.2446, 1e-4);
  EXPECT_NEAR(TableOneMean(v1::Activation::SIGMOID, -6, 4), -0.3868, 1e-4);
  EXPECT_NEAR(TableOneMean(v1::Activation::TANH, -2, 1), -0.4321, 1e-4);
  EXPECT_NEAR(TableOneMean(v1::Activation::TANH, -0.5, 0.05), -0.4955, 1e-4);
}

TEST(TableOneTest, ReluEqualsQuadratureOfEquation11) {
  for (double mean : {-3.0, -1.0, 0.0, 0.5, 2.0}) {
    for (double stddev : {0.25, 1.0, 3.0}) {
      const double numeric = WeightedMean([](double) { return 1.0; }, mean, stddev, 0,
                                          std::max(0.0, mean) + 12 * stddev);
      EXPECT_NEAR(TableOneMean(v1::Activation::RELU, mean, stddev), numeric, 1e-6 * numeric + 1e-9)
          << mean << " " << stddev;
    }
  }
}

// 1 - Phi is 0 in double below mean / stddev of about -38; the tail must neither be NaN nor jump.
TEST(TableOneTest, ReluTailIsStable) {
  for (double a : {-8.0, -15.0, -24.9, -25.1, -40.0, -100.0}) {
    const double numeric = WeightedMean([](double) { return 1.0; }, a, 1, 0, 30 / -a);
    EXPECT_NEAR(TableOneMean(v1::Activation::RELU, a, 1), numeric, 1e-5 * numeric) << a;
  }
  EXPECT_NEAR(TableOneMean(v1::Activation::RELU, -25.0000001, 1),
              TableOneMean(v1::Activation::RELU, -24.9999999, 1), 1e-7);
  EXPECT_EQ(TableOneMean(v1::Activation::RELU, -1, 0), 0);
  EXPECT_EQ(TableOneMean(v1::Activation::RELU, 2, 0), 2);
}

// Sigmoid and tanh are approximations: the shrinkage B = m / mean has the stated RMS error, and the
// printed k = 0.75 for tanh would be worse.
TEST(TableOneTest, BellShapedApproximationsHaveTheStatedError) {
  for (auto [activation, bound] :
       {std::pair(v1::Activation::SIGMOID, 0.0205), std::pair(v1::Activation::TANH, 0.0515)}) {
    double squares = 0;
    double squares_printed = 0;
    int points = 0;
    for (double mean : {0.5, 1.0, 2.0, 3.0}) {
      for (double stddev : {0.25, 0.5, 1.0, 2.0, 3.0}) {
        const double numeric =
            WeightedMean([a = activation](double s) { return SquaredSlope(a, s); }, mean, stddev,
                         mean - 14 * stddev, mean + 14 * stddev);
        squares += std::pow((TableOneMean(activation, mean, stddev) - numeric) / mean, 2);
        const double printed = 0.75 * 0.75 / (stddev * stddev + 0.75 * 0.75) * mean;
        squares_printed += std::pow((printed - numeric) / mean, 2);
        ++points;
      }
    }
    EXPECT_LT(std::sqrt(squares / points), bound);
    if (activation == v1::Activation::TANH) {
      EXPECT_GT(std::sqrt(squares_printed / points), 0.08);
    }
  }
}

TEST(TableOneTest, LinearAndStep) {
  EXPECT_EQ(TableOneMean(v1::Activation::LINEAR, -0.7, 2), -0.7);
  EXPECT_EQ(TableOneMean(v1::Activation::STEP, -0.7, 2), 0);
}

}  // namespace
}  // namespace torpor
