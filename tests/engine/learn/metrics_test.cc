#include "engine/learn/metrics.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace torpor {
namespace {

constexpr ReadOut kBce{v1::Activation::SIGMOID, v1::Loss::BCE, 3};
constexpr ReadOut kMse{v1::Activation::SIGMOID, v1::Loss::MSE, 3};
constexpr ReadOut kCe{v1::Activation::LINEAR, v1::Loss::CE, 3};

double Sigmoid(double s) { return 1 / (1 + std::exp(-s)); }

TEST(ClassOf, TakesTheLargestAndTheLowestOfATie) {
  EXPECT_EQ(ClassOf(std::vector<float>{1, 3, 2}), 1);
  EXPECT_EQ(ClassOf(std::vector<float>{3, 3, 3}), 0);
  EXPECT_EQ(ClassOf(std::vector<float>{-5, -1, -1}), 1);
  EXPECT_EQ(ClassOf(std::vector<float>{-5}), 0);
}

TEST(Outputs, AreActivationsOrSoftmax) {
  const std::vector<float> s = {-1, 0, 2};
  std::vector<double> out(3);
  Outputs(kBce, s, out);
  for (size_t i = 0; i < 3; ++i) EXPECT_DOUBLE_EQ(out[i], Sigmoid(s[i]));
  Outputs(kCe, s, out);
  const double sum = std::exp(-1) + 1 + std::exp(2);
  for (size_t i = 0; i < 3; ++i) EXPECT_DOUBLE_EQ(out[i], std::exp(double{s[i]}) / sum);
  Outputs({v1::Activation::RELU, v1::Loss::UNSPECIFIED, 3}, s, out);
  EXPECT_EQ(out, (std::vector<double>{0, 0, 2}));
  Outputs({v1::Activation::STEP, v1::Loss::UNSPECIFIED, 3}, s, out);
  EXPECT_EQ(out, (std::vector<double>{0, 0, 1}));
  Outputs({v1::Activation::TANH, v1::Loss::MSE, 3}, s, out);
  EXPECT_DOUBLE_EQ(out[2], std::tanh(2));
  Outputs({v1::Activation::LINEAR, v1::Loss::MSE, 3}, s, out);
  EXPECT_EQ(out, (std::vector<double>{-1, 0, 2}));
}

TEST(SampleLoss, EqualsItsDefinition) {
  const std::vector<float> s = {-1, 0.5, 2};
  double bce = 0, mse = 0;
  for (size_t i = 0; i < 3; ++i) {
    const double x = Sigmoid(s[i]), t = i == 1 ? 1 : 0;
    bce -= t * std::log(x) + (1 - t) * std::log(1 - x);
    mse += (x - t) * (x - t);
  }
  const double ce = -std::log(std::exp(0.5) / (std::exp(-1) + std::exp(0.5) + std::exp(2)));
  EXPECT_NEAR(SampleLoss(kBce, s, 1), bce, 1e-12);
  EXPECT_NEAR(SampleLoss(kMse, s, 1), mse, 1e-12);
  EXPECT_NEAR(SampleLoss(kCe, s, 1), ce, 1e-12);
}

TEST(Outputs, SoftmaxLayersGiveSharesOfOneWhateverTheLoss) {
  const std::vector<float> scores = {1.0f, 3.0f};
  std::vector<double> out(2);
  Outputs({.activation = v1::Activation::SOFTMAX, .loss = v1::Loss::UNSPECIFIED, .classes = 2},
          scores, out);
  EXPECT_NEAR(out[0], 1 / (1 + std::exp(2.0)), 1e-12);
  EXPECT_NEAR(out[0] + out[1], 1, 1e-12);
}

TEST(SampleLoss, UntrainedModelsReportWhatTheirOutputSuggests) {
  const std::vector<float> s = {-1, 0.5, 2};
  EXPECT_EQ(SampleLoss({v1::Activation::SIGMOID, v1::Loss::UNSPECIFIED, 3}, s, 1),
            SampleLoss(kBce, s, 1));
  EXPECT_EQ(SampleLoss({v1::Activation::RELU, v1::Loss::UNSPECIFIED, 3}, s, 1),
            SampleLoss(kCe, s, 1));
}

TEST(SampleLoss, IsFiniteForHugeScores) {
  const std::vector<float> s = {1e4f, -1e4f, 0};
  EXPECT_NEAR(SampleLoss(kBce, s, 0), std::log(2), 1e-9);
  EXPECT_NEAR(SampleLoss(kBce, s, 1), 2e4 + std::log(2), 1e-6);
  EXPECT_NEAR(SampleLoss(kCe, s, 0), 0, 1e-9);
  EXPECT_NEAR(SampleLoss(kCe, s, 1), 2e4, 1e-6);
}

TEST(WinningProbability, IsTheShareOfSigmoidsOrSoftmax) {
  const std::vector<float> s = {-1, 0, 2};
  EXPECT_NEAR(WinningProbability(kBce, s), Sigmoid(2) / (Sigmoid(-1) + Sigmoid(0) + Sigmoid(2)),
              1e-12);
  EXPECT_NEAR(WinningProbability(kCe, s), std::exp(2) / (std::exp(-1) + 1 + std::exp(2)), 1e-12);
  // Sigmoids that are too small for a double.
  EXPECT_NEAR(WinningProbability(kBce, std::vector<float>{-2000, -2000}), 0.5, 1e-12);
  EXPECT_NEAR(WinningProbability(kBce, std::vector<float>{500, -500}), 1, 1e-12);
}

TEST(CalibrationError, IsTheWeightedGapOfItsBins) {
  CalibrationError error;
  EXPECT_EQ(error.Value(), 0);
  // Bin 9/15..10/15: mean probability 0.63, accuracy 0.5; bin 14/15..1: 1.0 and 1.
  error.Add(0.62, true);
  error.Add(0.64, false);
  error.Add(1.0, true);
  error.Add(1.0, true);
  EXPECT_NEAR(error.Value(), (2 * 0.13 + 2 * 0) / 4, 1e-12);
}

TEST(CalibrationError, APerfectlyCalibratedReaderHasNone) {
  CalibrationError error;
  for (int i = 0; i < 100; ++i) error.Add(0.7, i < 70);
  EXPECT_NEAR(error.Value(), 0, 1e-12);
}

TEST(CalibrationError, BothEndsHaveABin) {
  CalibrationError error;
  error.Add(0, false);
  error.Add(1, true);
  EXPECT_EQ(error.Value(), 0);
}

// R: binom::binom.confint(95, 100, methods = "wilson") and (0, 10).
TEST(WilsonInterval, EqualsPublishedValues) {
  const Interval most = WilsonInterval(95, 100);
  EXPECT_NEAR(most.low, 0.8882495, 1e-6);
  EXPECT_NEAR(most.high, 0.9784561, 1e-6);
  const Interval none = WilsonInterval(0, 10);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.2775328, 1e-6);
  EXPECT_EQ(WilsonInterval(10, 10).high, 1);
  EXPECT_EQ(WilsonInterval(0, 0).low, 0);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
}

}  // namespace
}  // namespace torpor
