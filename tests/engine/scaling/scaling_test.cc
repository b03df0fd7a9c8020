#include <cmath>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/scaling/bias_policy.h"
#include "engine/scaling/calibration.h"
#include "engine/scaling/synaptic_power.h"
#include "engine/scaling/table_one.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

Matrix RandomMatrix(Eigen::Index rows, Eigen::Index columns, uint64_t seed, float shift = 0) {
  RandomStream random(seed, RandomPurpose::kTest);
  Matrix m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    m.data()[i] = shift + static_cast<float>(random.NextNormal());
  }
  return m;
}

LayerSums InBlocks(const Matrix& s, const Matrix& u, Eigen::Index block) {
  LayerSums total;
  for (Eigen::Index first = 0; first < s.rows(); first += block) {
    const Eigen::Index count = std::min(block, s.rows() - first);
    total.Merge(LayerSums::OfBlock(Rows(s, first, count), Rows(u, first, count)));
  }
  return total;
}

TEST(CalibrationTest, EqualsTheDefinitions) {
  const Matrix s = RandomMatrix(1003, 5, 1, 0.5f);
  const Matrix u = RandomMatrix(1003, 7, 2);
  const LayerStatistics statistics = InBlocks(s, u, 256).Statistics();
  const Eigen::MatrixXd d = s.cast<double>();
  for (Eigen::Index i = 0; i < 5; ++i) {
    const double mean = d.col(i).mean();
    EXPECT_NEAR(statistics.mean[i], mean, 1e-12);
    EXPECT_NEAR(statistics.stddev[i], std::sqrt((d.col(i).array() - mean).square().mean()), 1e-12);
    EXPECT_NEAR(statistics.active[i], (d.col(i).array() > 0).cast<double>().mean(), 1e-12);
  }
  for (Eigen::Index j = 0; j < 7; ++j) {
    EXPECT_NEAR(statistics.mean_squared_input[j], u.col(j).cast<double>().array().square().mean(),
                1e-12);
  }
  EXPECT_NEAR(statistics.PooledStddev(), std::sqrt((d.array() - d.mean()).square().mean()), 1e-12);
}

TEST(CalibrationTest, MeanFarFromZeroCostsNoDigits) {
  const Matrix s = RandomMatrix(512, 1, 3, 1e4f);
  const Eigen::ArrayXd d = s.cast<double>().array();
  const LayerStatistics statistics = InBlocks(s, s, 64).Statistics();
  EXPECT_NEAR(statistics.stddev[0], std::sqrt((d - d.mean()).square().mean()), 1e-9);
}

TEST(BiasPolicyTest, FullPowerLeavesEveryBitOfTheBias) {
  const std::vector<float> bias = {0.1f, -0.7f, 3e-8f};
  LayerStatistics statistics;
  statistics.mean = Eigen::Vector3d(1, 2, 3);
  statistics.stddev = Eigen::Vector3d(1, 1, 1);
  statistics.active = Eigen::Vector3d(1, 1, 1);
  for (auto policy : {v1::BiasPolicy::NONE, v1::BiasPolicy::TABLE, v1::BiasPolicy::HOMOGENEOUS}) {
    EXPECT_EQ(ScaledBias(policy, v1::Activation::SIGMOID, {1, 1}, bias, &statistics), bias);
  }
}

TEST(BiasPolicyTest, PoliciesFollowTheirFormulas) {
  const std::vector<float> bias = {0.5f, -0.25f};
  LayerStatistics statistics;
  statistics.mean = Eigen::Vector2d(-2, -2);
  statistics.stddev = Eigen::Vector2d(1, 1);
  statistics.active = Eigen::Vector2d(0.02, 0);
  const LayerScale scale{.epsilon = 0.25, .gamma = 0.125};
  auto none = ScaledBias(v1::BiasPolicy::NONE, v1::Activation::RELU, scale, bias, nullptr);
  EXPECT_EQ(none, bias);
  auto homogeneous =
      ScaledBias(v1::BiasPolicy::HOMOGENEOUS, v1::Activation::RELU, scale, bias, nullptr);
  EXPECT_EQ(homogeneous, (std::vector<float>{0.0625f, -0.03125f}));
  auto table = ScaledBias(v1::BiasPolicy::TABLE, v1::Activation::RELU, scale, bias, &statistics);
  EXPECT_NEAR(table[0], 0.25 * 0.5 + 0.75 * 0.3732155, 1e-6);
  EXPECT_NEAR(table[1], 0.25 * -0.25, 1e-7) << "a unit that never fires has m = 0";
  auto sigmoid =
      ScaledBias(v1::BiasPolicy::TABLE, v1::Activation::SIGMOID, scale, bias, &statistics);
  EXPECT_NEAR(sigmoid[1], 0.25 * -0.25 + 0.75 * TableOneMean(v1::Activation::SIGMOID, -2, 1), 1e-6)
      << "never above zero matters to ReLU alone";
  EXPECT_TRUE(
      ScaledBias(v1::BiasPolicy::TABLE, v1::Activation::RELU, scale, {}, &statistics).empty());
}

TEST(BiasPolicyTest, ScalesMultiplyAlongTheNetwork) {
  const std::vector<LayerScale> scales = ScalesOf(std::vector<double>{0.5, 0.25, 1});
  EXPECT_EQ(scales[0].gamma, 0.5);
  EXPECT_EQ(scales[1].gamma, 0.125);
  EXPECT_EQ(scales[1].epsilon, 0.25);
  EXPECT_EQ(scales[2].gamma, 0.125);
}

TEST(BiasPolicyTest, HomogeneousRefusesOtherHiddenActivations) {
  const std::vector<std::string> names = {"first", "second", "out"};
  using A = v1::Activation;
  EXPECT_TRUE(CheckHomogeneous(names, std::vector<A::Kind>{A::RELU, A::LINEAR, A::SIGMOID}).ok());
  for (A::Kind hidden : {A::SIGMOID, A::TANH, A::STEP}) {
    const absl::Status status =
        CheckHomogeneous(names, std::vector<A::Kind>{A::RELU, hidden, A::SIGMOID});
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(status), "NOT_HOMOGENEOUS");
    EXPECT_THAT(std::string(status.message()), HasSubstr("\"second\""));
  }
}

TEST(SynapticPowerTest, EqualsEquation3) {
  const Matrix weights = RandomMatrix(13, 37, 5);
  Matrix inputs = RandomMatrix(1, 37, 6);
  inputs(0, 4) = 0;
  inputs(0, 36) = 0;
  double power = 0;
  for (Eigen::Index i = 0; i < 13; ++i) {
    for (Eigen::Index j = 0; j < 37; ++j) {
      power += double{inputs(0, j)} * inputs(0, j) * std::fabs(weights(i, j));
    }
  }
  const std::span<const float> u(inputs.data(), 37);
  const InputPower drawn = ReferenceMeterInputs(u, ColumnPower(View(weights)));
  EXPECT_NEAR(drawn.weight_power, power, 1e-12 * power);
  EXPECT_EQ(drawn.non_zero, 35);
  EXPECT_EQ(CountNonZero(u), 35);
  EXPECT_DOUBLE_EQ(BiasPower(std::vector<float>{-0.5f, 0.25f, 0}), 0.75);
}

// Sizes below, at and above every boundary of the kernel: a lane, a step, a short sum.
TEST(SynapticPowerTest, MeterEqualsItsReference) {
  for (Eigen::Index n : {1, 15, 16, 17, 63, 64, 80, 511, 512, 513, 784, 1000, 4099}) {
    const Matrix weights = RandomMatrix(9, n, 7);
    const std::vector<double> column_power = ColumnPower(View(weights));
    const std::vector<float> rounded(column_power.begin(), column_power.end());
    for (int every : {1, 2, 5, 5000}) {
      Matrix inputs = RandomMatrix(1, n, 8);
      // Inputs over several magnitudes, most of them zero for a large `every`.
      for (Eigen::Index j = 0; j < n; ++j) inputs(0, j) *= j % every == 0 ? 1 + 10.0f * (j % 7) : 0;
      const std::span<const float> u(inputs.data(), static_cast<size_t>(n));
      const InputPower wanted = ReferenceMeterInputs(u, column_power);
      const InputPower drawn = MeterInputs(u, rounded);
      EXPECT_NEAR(drawn.weight_power, wanted.weight_power, 1e-6 * wanted.weight_power) << n;
      EXPECT_EQ(drawn.non_zero, wanted.non_zero) << n;
    }
  }
}

}  // namespace
}  // namespace torpor
