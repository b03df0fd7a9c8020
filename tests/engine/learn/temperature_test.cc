#include "engine/learn/temperature.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "engine/base/random.h"

namespace torpor {
namespace {

// Labels drawn from softmax(logits); scores = logits times a scale.
struct Drawn {
  Matrix scores;
  std::vector<int32_t> labels;
};

Drawn Draw(double scale) {
  constexpr int kSamples = 20000, kClasses = 4;
  Drawn drawn{Matrix(kSamples, kClasses), {}};
  for (int i = 0; i < kSamples; ++i) {
    RandomStream random(1, RandomPurpose::kTest, 0, static_cast<uint64_t>(i));
    double logits[kClasses], sum = 0;
    for (double& logit : logits) sum += std::exp(logit = 2 * random.NextNormal());
    double left = random.NextDouble() * sum;
    int label = 0;
    while (label < kClasses - 1 && (left -= std::exp(logits[label])) > 0) ++label;
    drawn.labels.push_back(label);
    for (int c = 0; c < kClasses; ++c) drawn.scores(i, c) = static_cast<float>(scale * logits[c]);
  }
  return drawn;
}

TEST(FitTemperatureTest, FindsTheScaleOfTheScores) {
  for (const double scale : {0.01, 1.0, 300.0}) {
    const Drawn drawn = Draw(scale);
    EXPECT_NEAR(FitTemperature(View(drawn.scores), drawn.labels) / scale, 1, 0.03) << scale;
  }
}

TEST(FitTemperatureTest, FindsTheProbabilitiesThatAreWanted) {
  const Drawn drawn = Draw(3);
  Matrix shares(drawn.scores.rows(), drawn.scores.cols());
  for (Eigen::Index i = 0; i < shares.rows(); ++i) {
    for (Eigen::Index c = 0; c < shares.cols(); ++c) {
      shares(i, c) = std::exp(drawn.scores(i, c) / 7);
    }
    shares.row(i) /= shares.row(i).sum();
  }
  EXPECT_NEAR(FitTemperature(View(drawn.scores), View(std::as_const(shares))), 7, 7e-3);
  // All of it on one class is that label.
  shares.setZero();
  for (size_t i = 0; i < drawn.labels.size(); ++i) {
    shares(static_cast<Eigen::Index>(i), drawn.labels[i]) = 1;
  }
  EXPECT_EQ(FitTemperature(View(drawn.scores), View(std::as_const(shares))),
            FitTemperature(View(drawn.scores), drawn.labels));
}

TEST(FitTemperatureTest, IsOneWhereNoneIsBest) {
  const Matrix alike = Matrix::Zero(3, 2);
  EXPECT_EQ(FitTemperature(View(alike), std::vector<int32_t>{0, 1, 1}), 1);
  const Matrix right = Matrix::Identity(2, 2);
  EXPECT_EQ(FitTemperature(View(right), std::vector<int32_t>{0, 1}), 1) << "always right";
  EXPECT_EQ(FitTemperature(View(right), std::vector<int32_t>{1, 0}), 1) << "always wrong";
}

}  // namespace
}  // namespace torpor
