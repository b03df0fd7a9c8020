#include <cmath>

#include "engine/base/random.h"
#include "engine/scaling/calibration.h"
#include "engine/scaling/synaptic_power.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

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
    const Matrix rows = s.middleRows(first, count);
    const Matrix inputs = u.middleRows(first, count);
    total.Merge(LayerSums::OfBlock({.pre_activations = &rows, .inputs = &inputs}));
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
