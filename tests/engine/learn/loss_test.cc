#include "engine/learn/loss.h"

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/random.h"
#include "engine/learn/metrics.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using Case = std::tuple<v1::Loss::Kind, v1::Activation::Kind>;

class LossTest : public ::testing::TestWithParam<Case> {
 protected:
  ReadOut read_out() const { return {std::get<1>(GetParam()), std::get<0>(GetParam()), kClasses}; }
  static constexpr int kClasses = 5;
};

// The value agrees with the metric of the same name, which is computed in double from the
// definition.
TEST_P(LossTest, TrainingAndReportingMeanTheSameLoss) {
  const auto [loss, activation] = GetParam();
  std::vector<float> scores(kClasses), delta(kClasses);
  for (uint64_t trial = 0; trial < 50; ++trial) {
    RandomStream random(1, RandomPurpose::kTest, 0, trial);
    for (float& s : scores) s = static_cast<float>(3 * random.NextNormal());
    const int32_t label = static_cast<int32_t>(random.NextBelow(kClasses));
    const float value = LossAndGradient(loss, activation, scores, label, 1, delta);
    const double expected = SampleLoss(read_out(), scores, label);
    EXPECT_NEAR(value, expected, 1e-5 * (1 + expected));
  }
}

// Against central difference quotients of the metric in double.
TEST_P(LossTest, GradientIsTheDifferenceQuotient) {
  const auto [loss, activation] = GetParam();
  constexpr float kScale = 0.25f;
  std::vector<float> scores(kClasses), delta(kClasses);
  for (uint64_t trial = 0; trial < 50; ++trial) {
    RandomStream random(2, RandomPurpose::kTest, 0, trial);
    for (float& s : scores) {
      s = static_cast<float>(2 * random.NextNormal());
      // Away from ReLU's kink, where there is no derivative.
      if (std::fabs(s) < 0.05f) s = 0.05f;
    }
    const int32_t label = static_cast<int32_t>(random.NextBelow(kClasses));
    LossAndGradient(loss, activation, scores, label, kScale, delta);
    for (size_t i = 0; i < scores.size(); ++i) {
      const float at = scores[i];
      constexpr float kStep = 0x1p-9f;
      scores[i] = at + kStep;
      const double above = SampleLoss(read_out(), scores, label);
      const double width = scores[i];
      scores[i] = at - kStep;
      const double below = SampleLoss(read_out(), scores, label);
      const double quotient = (above - below) / (width - scores[i]);
      scores[i] = at;
      EXPECT_NEAR(delta[i], kScale * quotient, 1e-4 * (1 + std::fabs(quotient)));
    }
  }
}

TEST_P(LossTest, HugeScoresStayFinite) {
  const auto [loss, activation] = GetParam();
  const std::vector<float> scores = {1e4f, -1e4f, 0, 80, -80};
  std::vector<float> delta(kClasses);
  for (int32_t label = 0; label < kClasses; ++label) {
    EXPECT_TRUE(std::isfinite(LossAndGradient(loss, activation, scores, label, 1, delta)));
    for (const float d : delta) EXPECT_TRUE(std::isfinite(d));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LossTest,
                         ::testing::Values(Case{v1::Loss::BCE, v1::Activation::SIGMOID},
                                           Case{v1::Loss::MSE, v1::Activation::SIGMOID},
                                           Case{v1::Loss::MSE, v1::Activation::LINEAR},
                                           Case{v1::Loss::MSE, v1::Activation::RELU},
                                           Case{v1::Loss::MSE, v1::Activation::TANH},
                                           Case{v1::Loss::CE, v1::Activation::LINEAR},
                                           Case{v1::Loss::CE, v1::Activation::SIGMOID}),
                         [](const ::testing::TestParamInfo<Case>& info) {
                           return v1::Loss::Kind_Name(std::get<0>(info.param)) +
                                  v1::Activation::Kind_Name(std::get<1>(info.param));
                         });

TEST(LossDeathTest, UnvalidatedInputIsABug) {
  std::vector<float> scores(3), delta(3);
  EXPECT_DEATH(LossAndGradient(v1::Loss::BCE, v1::Activation::LINEAR, scores, 0, 1, delta),
               "check failed");
  EXPECT_DEATH(LossAndGradient(v1::Loss::CE, v1::Activation::LINEAR, scores, 3, 1, delta),
               "check failed");
}

}  // namespace
}  // namespace torpor
