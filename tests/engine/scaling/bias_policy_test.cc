#include "engine/scaling/bias_policy.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/scaling/matched_bias.h"
#include "engine/scaling/neuron_activation.h"
#include "engine/scaling/output_gain.h"
#include "engine/scaling/output_shift.h"
#include "engine/scaling/quantiles.h"
#include "engine/scaling/scaled_signal.h"
#include "engine/scaling/table_one.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;
using A = v1::Activation;
using P = v1::BiasPolicy;

Matrix RandomMatrix(Eigen::Index rows, Eigen::Index columns, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::kTest);
  Matrix m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<float>(random.NextNormal());
  return m;
}

// A network whose statistics come from data of its own, gathered by plain loops.
class Chain {
 public:
  Chain(const std::vector<int>& sizes, std::vector<A::Kind> activations, Eigen::Index samples)
      : activations_(std::move(activations)) {
    ThreadPool pool(1);
    Matrix u = RandomMatrix(samples, sizes[0], 1).cwiseAbs();
    for (size_t l = 0; l < activations_.size(); ++l) {
      weights_.push_back(RandomMatrix(sizes[l + 1], sizes[l], 10 + l) /
                         std::sqrt(static_cast<float>(sizes[l])));
      const Matrix b = RandomMatrix(1, sizes[l + 1], 20 + l) * 0.5f;
      biases_.emplace_back(b.data(), b.data() + b.size());
      Matrix s = u * weights_[l].transpose();
      s.rowwise() += b.row(0);
      LayerStatistics& own = statistics_.emplace_back();
      own.mean = s.cast<double>().colwise().mean().transpose();
      const Eigen::MatrixXd centred = s.cast<double>().rowwise() - own.mean.transpose();
      own.stddev = (centred.array().square().colwise().mean()).sqrt().transpose();
      own.active = (s.array() > 0).cast<double>().colwise().mean().transpose();
      own.quantiles = GroupedQuantiles(s, &pool);
      own.mean_input = u.cast<double>().colwise().mean().transpose();
      own.input_covariance = ((u.cast<double>().rowwise() - own.mean_input.transpose()).array() *
                              (centred * weights_[l].cast<double>()).array())
                                 .colwise()
                                 .mean()
                                 .transpose();
      own.delta_mean = own.mean;
      u = s.unaryExpr(
          [&](float x) { return static_cast<float>(ActivationValue(activations_[l], x)); });
    }
  }

  std::vector<ScalingLayer> Layers(const std::vector<double>& epsilons) const {
    std::vector<ScalingLayer> layers;
    double gamma = 1;
    for (size_t l = 0; l < activations_.size(); ++l) {
      gamma *= epsilons[l];
      layers.push_back({.name = "layer" + std::to_string(l),
                        .activation = activations_[l],
                        .epsilon = epsilons[l],
                        .gamma = gamma,
                        .weight = &weights_[l],
                        .bias = biases_[l],
                        .statistics = &statistics_[l],
                        .presence = {}});
    }
    return layers;
  }

  std::vector<A::Kind> activations_;
  std::vector<Matrix> weights_;
  std::vector<std::vector<float>> biases_;
  std::vector<LayerStatistics> statistics_;
};

TEST(BiasPolicyTest, FullPowerLeavesEveryBitOfTheBias) {
  const Chain chain({7, 6, 5, 3}, {A::TANH, A::RELU, A::SIGMOID}, 50);
  const auto layers = chain.Layers({1, 1, 1});
  for (P::Kind policy : {P::NONE, P::TABLE, P::HOMOGENEOUS, P::EMPIRICAL, P::MATCHED}) {
    auto biases = ClosedFormBiases(policy, layers);
    ASSERT_TRUE(biases.ok());
    for (size_t l = 0; l < 3; ++l) {
      EXPECT_EQ((*biases)[l].values, chain.biases_[l]) << P::Kind_Name(policy);
      EXPECT_EQ((*biases)[l].factor, 1.0) << P::Kind_Name(policy);
    }
  }
}

TEST(BiasPolicyTest, PoliciesFollowTheirFormulas) {
  LayerStatistics statistics;
  statistics.mean = Eigen::Vector2d(-2, -2);
  statistics.stddev = Eigen::Vector2d(1, 1);
  statistics.active = Eigen::Vector2d(0.02, 0);
  statistics.delta_mean = Eigen::Vector2d(0.8, 0);
  const Matrix weight = Matrix::Ones(2, 3);
  const std::vector<float> b = {0.5f, -0.25f};
  ScalingLayer layer{.name = "only",
                     .activation = A::RELU,
                     .epsilon = 0.25,
                     .gamma = 0.125,
                     .weight = &weight,
                     .bias = b,
                     .statistics = &statistics,
                     .presence = {}};
  const auto of = [&](P::Kind policy) { return (*ClosedFormBiases(policy, {&layer, 1}))[0]; };
  EXPECT_EQ(of(P::NONE).values, b);
  EXPECT_EQ(of(P::NONE).factor, 1.0);
  EXPECT_EQ(of(P::HOMOGENEOUS).values, (std::vector<float>{0.0625f, -0.03125f}));
  EXPECT_EQ(of(P::HOMOGENEOUS).factor, 0.125);
  EXPECT_NEAR(of(P::TABLE).values[0], 0.25 * 0.5 + 0.75 * 0.3732155, 1e-6);
  EXPECT_NEAR(of(P::TABLE).values[1], 0.25 * -0.25, 1e-7) << "a unit that never fires has m = 0";
  EXPECT_FALSE(of(P::TABLE).factor.has_value());
  EXPECT_NEAR(of(P::EMPIRICAL).values[0], 0.25 * 0.5 + 0.75 * 0.8, 1e-6);
  EXPECT_NEAR(of(P::EMPIRICAL).values[1], 0.25 * -0.25, 1e-7) << "no deltas: m = 0";
  layer.activation = A::SIGMOID;
  EXPECT_NEAR(of(P::TABLE).values[1], 0.25 * -0.25 + 0.75 * TableOneMean(A::SIGMOID, -2, 1), 1e-6)
      << "never above zero matters to ReLU alone";
  layer.bias = {};
  for (P::Kind policy : {P::NONE, P::TABLE, P::HOMOGENEOUS, P::EMPIRICAL, P::MATCHED}) {
    EXPECT_TRUE(of(policy).values.empty()) << P::Kind_Name(policy);
  }
}

TEST(BiasPolicyTest, WhatCalibrationLacksIsSaidWithAWayOut) {
  Chain chain({7, 6, 3}, {A::SIGMOID, A::SIGMOID}, 50);
  auto layers = chain.Layers({0.5, 0.5});
  chain.statistics_[1].delta_mean.resize(0);
  const absl::Status deltas = ClosedFormBiases(P::EMPIRICAL, layers).status();
  EXPECT_EQ(ReasonOf(deltas), "CALIBRATION_REQUIRED");
  EXPECT_THAT(std::string(deltas.message()), HasSubstr("deltas"));
  chain.statistics_[0].quantiles.resize(0, 0);
  const absl::Status older = ClosedFormBiases(P::MATCHED, layers).status();
  EXPECT_EQ(ReasonOf(older), "CALIBRATION_REQUIRED");
  EXPECT_THAT(std::string(older.message()), HasSubstr("older version"));
  for (ScalingLayer& layer : layers) layer.statistics = nullptr;
  for (P::Kind policy : {P::TABLE, P::EMPIRICAL, P::MATCHED}) {
    const absl::Status none = ClosedFormBiases(policy, layers).status();
    EXPECT_EQ(none.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(none), "CALIBRATION_REQUIRED");
    EXPECT_THAT(ToProto(none).SerializeAsString(), HasSubstr("torpor job submit calibrate"));
  }
  EXPECT_TRUE(ClosedFormBiases(P::HOMOGENEOUS, layers).ok());
}

TEST(BiasPolicyTest, HomogeneousNamesTheLayerThatBreaksIt) {
  for (A::Kind hidden : {A::SIGMOID, A::TANH, A::STEP}) {
    const Chain chain({4, 4, 4, 2}, {A::RELU, hidden, A::SIGMOID}, 8);
    const absl::Status status = CheckHomogeneous(chain.Layers({1, 1, 1}));
    EXPECT_EQ(ReasonOf(status), "NOT_HOMOGENEOUS");
    EXPECT_THAT(std::string(status.message()), HasSubstr("\"layer1\""));
  }
  const Chain chain({4, 4, 4, 2}, {A::RELU, A::LINEAR, A::SIGMOID}, 8);
  EXPECT_TRUE(CheckHomogeneous(chain.Layers({1, 1, 1})).ok());
}

TEST(MatchedBiasTest, EqualsHomogeneousForReluAndLinearBitForBit) {
  const Chain chain({9, 8, 7, 4}, {A::RELU, A::LINEAR, A::SIGMOID}, 200);
  for (const std::vector<double>& epsilons :
       {std::vector<double>{0.3, 0.3, 0.3}, {0.07, 1, 0.9}, {1, 0.5, 0.05}}) {
    auto layers = chain.Layers(epsilons);
    const auto homogeneous = *ClosedFormBiases(P::HOMOGENEOUS, layers);
    const auto matched = *ClosedFormBiases(P::MATCHED, layers);
    for (size_t l = 0; l < 3; ++l) {
      EXPECT_EQ(matched[l].values, homogeneous[l].values);
      EXPECT_EQ(matched[l].factor, homogeneous[l].factor);
    }
    EXPECT_EQ(LastSum(layers, matched)->gain, layers.back().gamma);
    // ... and needs no statistics for it.
    for (ScalingLayer& layer : layers) layer.statistics = nullptr;
    EXPECT_TRUE(MatchedBiases(layers).has_value());
  }
}

// With statistics of the very samples the hidden means are kept, however small epsilon is.
TEST(MatchedBiasTest, KeepsMeanActivations) {
  for (A::Kind hidden : {A::SIGMOID, A::TANH}) {
    const Chain chain({9, 8, 4}, {hidden, A::SIGMOID}, 60);
    for (double epsilon : {0.9, 0.2, 0.01}) {
      const auto layers = chain.Layers({epsilon, epsilon});
      const auto biases = *MatchedBiases(layers);
      const Matrix& s = chain.statistics_[0].quantiles;
      for (Eigen::Index i = 0; i < 8; ++i) {
        double full = 0, scaled = 0;
        for (Eigen::Index g = 0; g < s.cols(); ++g) {
          full += ActivationValue(hidden, s(i, g));
          scaled += ActivationValue(hidden,
                                    epsilon * (s(i, g) - chain.biases_[0][static_cast<size_t>(i)]) +
                                        biases[0].values[static_cast<size_t>(i)]);
        }
        EXPECT_NEAR(scaled / 60, full / 60, 1e-6) << epsilon;
      }
    }
  }
}

// Units that stand at the flat ends of f leave nothing for Newton's steps.
TEST(MatchedBiasTest, SaturatedUnitsGetFiniteBiases) {
  Chain chain({9, 8, 4}, {A::TANH, A::SIGMOID}, 60);
  chain.statistics_[0].quantiles.row(0).setConstant(500);
  chain.statistics_[0].mean[0] = 500;
  chain.statistics_[0].quantiles.row(1).setConstant(-30);
  chain.statistics_[0].mean[1] = -30;
  const auto biases = *MatchedBiases(chain.Layers({0.1, 0.1}));
  for (const ScaledBias& bias : biases) {
    for (float c : bias.values) EXPECT_TRUE(std::isfinite(c));
  }
}

TEST(MatchedBiasTest, StepUnitsKeepTheirThresholds) {
  const Chain chain({9, 8, 4}, {A::STEP, A::SIGMOID}, 60);
  const auto layers = chain.Layers({0.25, 0.5});
  const auto biases = *MatchedBiases(layers);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(biases[0].values[i], 0.25f * chain.biases_[0][i]);
  // The outputs then see what they saw at full power, at their own epsilon.
  EXPECT_NEAR(LastSum(layers, biases)->gain, 0.5, 1e-6);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(biases[1].values[i], 0.5 * chain.biases_[1][i], 1e-5);
}

TEST(OutputGainTest, OutputsWithoutSignalKeepGainOne) {
  EXPECT_EQ(OutputGain({.exact = true, .gain = 0.25, .mean = {}}), 4);
  for (double gain : {0.0, -0.5, std::numeric_limits<double>::quiet_NaN(), 1e-320}) {
    EXPECT_EQ(OutputGain({.exact = false, .gain = gain, .mean = {}}), 1);
  }
}

// The optimum over the stored distribution (the golden tests hold it against the samples).
TEST(OutputShiftTest, MakesTheMeanSumOne) {
  const Chain chain({9, 4}, {A::SIGMOID}, 500);
  for (double offset : {-40.0, 0.0, 3.0, 40.0}) {
    const auto layers = chain.Layers({0.3});
    ScaledBias c = (*ClosedFormBiases(P::NONE, layers))[0];
    for (float& value : c.values) value += static_cast<float>(offset);
    const ScaledSum sum = SumOf(layers[0], {});
    const double t = OutputShift(layers[0], sum, c, 2);
    double total = 0;
    std::vector<double> groups(kQuantileGroups);
    for (Eigen::Index i = 0; i < 4; ++i) {
      ScaledGroups(layers[0], sum, i, c.values[static_cast<size_t>(i)], groups);
      for (double s : groups) total += ActivationValue(A::SIGMOID, 2 * s + t) / kQuantileGroups;
    }
    EXPECT_NEAR(total, 1, 1e-9) << offset;
  }
}

TEST(QuantilesTest, KeepMeansAndOrder) {
  ThreadPool pool(2);
  const Matrix values = RandomMatrix(6400, 3, 4);
  const Matrix groups = GroupedQuantiles(values, &pool);
  ASSERT_EQ(groups.cols(), kQuantileGroups);
  for (Eigen::Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(groups.row(i).cast<double>().mean(), values.col(i).cast<double>().mean(), 1e-6);
    for (Eigen::Index g = 1; g < groups.cols(); ++g) EXPECT_GT(groups(i, g), groups(i, g - 1));
    // The middle groups of a normal distribution lie at its quantiles.
    EXPECT_NEAR(groups(i, 48), 0.699, 0.06);
  }
  const Matrix few = GroupedQuantiles(values.topRows(5), &pool);
  ASSERT_EQ(few.cols(), 5);
  EXPECT_EQ(few(1, 0), values.col(1).head(5).minCoeff());
  Matrix broken = values.topRows(300);
  for (Eigen::Index p = 0; p < 300; p += 3) {
    broken(p, 0) = std::numeric_limits<float>::quiet_NaN();
  }
  EXPECT_TRUE(std::isnan(GroupedQuantiles(broken, &pool)(0, kQuantileGroups - 1)));
}

}  // namespace
}  // namespace torpor
