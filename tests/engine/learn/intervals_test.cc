#include "engine/learn/intervals.h"

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

// tests/golden/intervals.csv, made by intervals.py beside it.
std::map<std::string, double> Golden() {
  std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/intervals.csv");
  std::map<std::string, double> values;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const size_t comma = line.find(',');
    values[line.substr(0, comma)] = std::stod(line.substr(comma + 1));
  }
  EXPECT_GE(values.size(), 20u);
  return values;
}

// The data that intervals.py writes down too.
void Fractions(int n, std::vector<double>& x, std::vector<double>& y) {
  for (int i = 1; i <= n; ++i) {
    x.push_back(std::fmod(i * ((std::sqrt(5.0) - 1) / 2), 1));
    y.push_back(std::fmod(i * std::sqrt(2.0), 1));
  }
}

TEST(IntervalsTest, StudentsQuantilesEqualThoseOfTheIntegratedDensity) {
  const auto golden = Golden();
  for (int degrees : {1, 2, 3, 4, 5, 9, 30, 999}) {
    const double wanted = golden.at("student_" + std::to_string(degrees));
    EXPECT_NEAR(StudentQuantile(0.975, degrees), wanted, 1e-9 * wanted) << degrees;
  }
  EXPECT_NEAR(StudentQuantile(0.5, 3), 0, 1e-12);
  // Of one degree it is Cauchy's: tan(pi (p - 1/2)).
  EXPECT_NEAR(StudentQuantile(0.9, 1), std::tan(M_PI * 0.4), 1e-10);
}

TEST(IntervalsTest, WilsonEqualsTheRootsOfItsQuadratic) {
  const auto golden = Golden();
  for (const auto& [successes, n] : {std::pair(7, 10), {983, 1000}, {1, 500}}) {
    const std::string name = "wilson_" + std::to_string(successes) + "_" + std::to_string(n);
    EXPECT_NEAR(WilsonInterval(successes, n).low, golden.at(name + "_low"), 1e-10);
    EXPECT_NEAR(WilsonInterval(successes, n).high, golden.at(name + "_high"), 1e-10);
  }
}

TEST(IntervalsTest, MeansAndRatiosEqualTheScripts) {
  const auto golden = Golden();
  std::vector<double> x, y;
  Fractions(300, x, y);
  EXPECT_NEAR(MeanInterval(x).low, golden.at("mean_low"), 1e-11);
  EXPECT_NEAR(MeanInterval(x).high, golden.at("mean_high"), 1e-11);
  std::vector<double> numerators, denominators;
  for (size_t i = 0; i < x.size(); ++i) {
    numerators.push_back(x[i] * y[i]);
    denominators.push_back(0.5 + y[i]);
  }
  EXPECT_NEAR(RatioInterval(numerators, denominators).low, golden.at("ratio_low"), 1e-11);
  EXPECT_NEAR(RatioInterval(numerators, denominators).high, golden.at("ratio_high"), 1e-11);
  const std::vector<double> seeds(x.begin(), x.begin() + 5);
  EXPECT_NEAR(StudentInterval(seeds).low, golden.at("student_mean_low"), 1e-10);
  EXPECT_NEAR(StudentInterval(seeds).high, golden.at("student_mean_high"), 1e-10);
}

// A ratio that holds for each pair has no error, however much the pairs differ.
TEST(IntervalsTest, APairwiseConstantRatioIsExact) {
  const std::vector<double> denominators = {1, 2, 4, 8};
  EXPECT_EQ(RatioInterval(denominators, denominators).low, 1);
  EXPECT_EQ(RatioInterval(denominators, denominators).high, 1);
  EXPECT_EQ(MeanInterval(std::vector<double>{3}).low, 3);
  EXPECT_EQ(MeanInterval(std::vector<double>{3}).high, 3);
}

// 1000 experiments of 5 normal numbers: their interval holds the true mean 95 times in 100.
TEST(IntervalsTest, StudentsIntervalCoversWhatItPromises) {
  RandomStream random(3, RandomPurpose::kTest);
  int covered = 0;
  for (int experiment = 0; experiment < 1000; ++experiment) {
    std::vector<double> values;
    for (int i = 0; i < 5; ++i) values.push_back(0.7 + 0.1 * random.NextNormal());
    const Interval interval = StudentInterval(values);
    covered += interval.low <= 0.7 && 0.7 <= interval.high ? 1 : 0;
  }
  EXPECT_GT(covered, 925);
  EXPECT_LT(covered, 975);
}

class CalibrationErrorTest : public ::testing::Test {
 protected:
  CalibrationErrorTest() {
    std::vector<double> x, y;
    Fractions(2000, x, y);
    for (size_t i = 0; i < x.size(); ++i) {
      probabilities_.push_back(0.1 + 0.9 * x[i]);
      correct_.push_back(y[i] < std::pow(probabilities_[i], 1.5) ? 1 : 0);
    }
  }
  double StandardError(int threads, uint64_t seed) {
    ThreadPool pool(threads);
    const Cancellation cancellation;
    return *CalibrationStandardError(probabilities_, correct_, 200, seed, &pool, cancellation);
  }
  std::vector<double> probabilities_;
  std::vector<uint8_t> correct_;
};

TEST_F(CalibrationErrorTest, TheStandardErrorAgreesWithAnotherBootstrap) {
  const auto golden = Golden();
  CalibrationError error;
  for (size_t i = 0; i < correct_.size(); ++i) error.Add(probabilities_[i], correct_[i] != 0);
  EXPECT_NEAR(error.Value(), golden.at("ece"), 1e-10);
  // Of 200 resamples the standard error itself is known to 1 / sqrt(400), 5 %.
  const double wanted = golden.at("ece_standard_error");
  double mean = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const double found = StandardError(2, seed);
    EXPECT_NEAR(found, wanted, 0.2 * wanted);
    mean += found / 8;
  }
  EXPECT_NEAR(mean, wanted, 0.06 * wanted);
}

TEST_F(CalibrationErrorTest, TheSameSeedGivesTheSameBitsForAnyNumberOfThreads) {
  EXPECT_EQ(StandardError(1, 5), StandardError(3, 5));
  EXPECT_NE(StandardError(1, 5), StandardError(1, 6));
}

TEST_F(CalibrationErrorTest, ItCanBeCancelled) {
  ThreadPool pool(1);
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ(CalibrationStandardError(probabilities_, correct_, 200, 0, &pool, cancellation)
                .status()
                .code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace torpor
