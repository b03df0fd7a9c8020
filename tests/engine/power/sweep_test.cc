#include "engine/power/sweep.h"

#include <cmath>

#include "engine/base/status.h"
#include "engine/power/evaluate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/trained_digits.h"

namespace torpor {
namespace {

using testing::DeployOf;
using testing::ModelOf;
using A = v1::Activation;
using B = v1::BiasPolicy;

class SweepTest : public testing::TrainedDigitsTest {
 protected:
  // Without noise accuracy, which most tests here do not look at.
  v1::PowerSweepSpec Spec(std::vector<double> epsilons, std::vector<B::Kind> policies) {
    v1::PowerSweepSpec spec;
    for (double epsilon : epsilons) spec.add_epsilon(epsilon);
    for (B::Kind policy : policies) spec.add_bias(policy);
    spec.mutable_noise()->set_without(true);
    return spec;
  }

  std::vector<v1::PowerSweepRow> Sweep(const v1::PowerSweepSpec& spec, ThreadPool* pool,
                                       double noise = 0) {
    v1::Realisation chip;
    chip.set_column_noise(noise);
    auto rows = SweepPower(*model_, spec, chip, test_, pool, cancellation_, {});
    EXPECT_TRUE(rows.ok()) << rows.status();
    return *std::move(rows);
  }
};

TEST_F(SweepTest, FullPowerIsExactlyOneUnderEveryPolicy) {
  for (double noise : {0.0, 0.02}) {
    for (const v1::PowerSweepRow& row :
         Sweep(Spec({1}, {B::NONE, B::TABLE, B::HOMOGENEOUS}), &pool_, noise)) {
      EXPECT_EQ(row.nasp(), 1.0);
      EXPECT_EQ(row.nasp_low(), 1.0);
      EXPECT_EQ(row.nasp_high(), 1.0);
      EXPECT_EQ(row.nasp_nominal(), 1.0);
      EXPECT_EQ(row.agreement(), 1.0);
      EXPECT_EQ(row.samples(), test_.size());
      EXPECT_GT(row.accuracy(), 0.7);
      EXPECT_LT(row.accuracy_low(), row.accuracy());
      EXPECT_GT(row.accuracy_high(), row.accuracy());
    }
  }
}

TEST_F(SweepTest, PowerFallsWithEpsilonAndHomogeneousKeepsTheClasses) {
  const auto rows = Sweep(Spec({1, 0.5, 0.2, 0.1, 0.05}, {B::HOMOGENEOUS}), &pool_);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_GE(rows[i].agreement(), 0.999);
    EXPECT_NEAR(rows[i].nasp_nominal(), rows[i].epsilon(), 0.01);
    if (i > 0) {
      EXPECT_LT(rows[i].nasp(), rows[i - 1].nasp());
    }
  }
}

// Without noise homogeneous is exact by algebra; noise that does not shrink with the signal is its
// price.
TEST_F(SweepTest, NoiseMakesHomogeneousLoseAgreementAtSmallEpsilon) {
  const auto rows = Sweep(Spec({0.5, 0.02}, {B::HOMOGENEOUS}), &pool_, 0.02);
  EXPECT_GT(rows[0].agreement(), 0.9);
  EXPECT_LT(rows[1].agreement(), 0.6);
}

TEST_F(SweepTest, SameBitsForAnyNumberOfThreads) {
  const v1::PowerSweepSpec spec = Spec({1, 0.3}, {B::NONE, B::TABLE});
  auto bits = [&](int threads) {
    ThreadPool pool(threads);
    std::string all;
    for (const v1::PowerSweepRow& row : Sweep(spec, &pool, 0.01)) all += row.SerializeAsString();
    return all;
  };
  const std::string one = bits(1);
  EXPECT_EQ(one, bits(2));
  EXPECT_EQ(one, bits(4));
}

TEST_F(SweepTest, RowsComeInOrderAndAreReported) {
  const v1::PowerSweepSpec spec = Spec({1, 0.5}, {B::NONE, B::TABLE});
  std::vector<int> done;
  std::vector<double> fractions;
  PowerProgress progress;
  progress.on_row = [&](int d, int total, const v1::PowerSweepRow&) {
    EXPECT_EQ(total, 4);
    done.push_back(d);
  };
  progress.on_fraction = [&](double fraction) { fractions.push_back(fraction); };
  auto rows = SweepPower(*model_, spec, {}, test_, &pool_, cancellation_, progress);
  ASSERT_TRUE(rows.ok());
  EXPECT_THAT(done, ::testing::ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(fractions, ::testing::ElementsAre(0.2, 0.4, 0.6, 0.8, 1.0));
  EXPECT_EQ((*rows)[1].epsilon(), 1);
  EXPECT_EQ((*rows)[1].bias(), B::TABLE);
  EXPECT_EQ((*rows)[2].epsilon(), 0.5);
}

TEST_F(SweepTest, ModesThatCannotBeDeployedAreRowsWithTheirError) {
  model_->Initialise(1);  // forgets the calibration
  const auto rows = Sweep(Spec({0.5, 1}, {B::TABLE, B::NONE}), &pool_);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_NE(rows[0].error().message().find("calibration"), std::string::npos);
  EXPECT_FALSE(rows[1].has_error());
  EXPECT_FALSE(rows[3].has_error());
}

TEST_F(SweepTest, EveryFigureHasAnIntervalThatHoldsIt) {
  for (const v1::PowerSweepRow& row : Sweep(Spec({1, 0.3}, {B::NONE, B::TABLE}), &pool_, 0.01)) {
    EXPECT_LE(row.agreement_low(), row.agreement());
    EXPECT_GE(row.agreement_high(), row.agreement());
    EXPECT_LT(row.loss_low(), row.loss());
    EXPECT_GT(row.loss_high(), row.loss());
    EXPECT_LT(row.loss_high() - row.loss_low(), row.loss());
    EXPECT_LE(row.ece_low(), row.ece());
    EXPECT_GT(row.ece_high(), row.ece());
    EXPECT_LT(row.ece_high() - row.ece(), 0.1);
    EXPECT_LE(row.nasp_low(), row.nasp());
    EXPECT_GE(row.nasp_high(), row.nasp());
  }
}

// The figures of two halves differ by no more than their intervals say: the power's interval is one
// of a ratio of pairs, far narrower than that of the power itself.
TEST_F(SweepTest, TheIntervalOfNaspIsThatOfTheRatio) {
  const auto full = DeployOf(*model_, 1, B::NONE);
  const auto low = DeployOf(*model_, 0.3, B::NONE);
  auto row_of = [&](const Dataset& data) {
    const auto reference = MeasureFullPower(*full, data, &pool_, cancellation_);
    return *EvaluateMode(*low, *reference, data, &pool_, cancellation_);
  };
  const v1::PowerSweepRow first = row_of(train_.Slice(0, train_.size() / 2));
  const v1::PowerSweepRow second = row_of(train_.Slice(train_.size() / 2, train_.size()));
  const double error = (first.nasp_high() - first.nasp_low()) / 2 / 1.96;
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 0.05 * first.nasp());
  EXPECT_NEAR(first.nasp(), second.nasp(), 4 * std::sqrt(2.0) * error);
}

TEST_F(SweepTest, RowsCarryTheModeInForce) {
  v1::PowerSweepSpec spec = Spec({0.5}, {});
  spec.mutable_base()->set_bias(B::TABLE);
  (*spec.mutable_base()->mutable_layer_epsilon())["layer1"] = 0.8;
  spec.add_modes()->set_epsilon(0.25);
  const auto rows = Sweep(spec, &pool_);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].bias(), B::TABLE);
  EXPECT_EQ(rows[0].power_mode().epsilon(), 0.5);
  EXPECT_EQ(rows[0].power_mode().bias(), B::TABLE);
  EXPECT_EQ(rows[0].power_mode().layer_epsilon().at("layer1"), 0.8);
  EXPECT_EQ(rows[1].epsilon(), 0.25);
  EXPECT_EQ(rows[1].bias(), B::NONE);
  EXPECT_EQ(rows[1].power_mode().bias(), B::NONE);
}

TEST_F(SweepTest, AGridMayScaleSomeLayersOnly) {
  v1::PowerSweepSpec spec = Spec({0.5, 0.1}, {B::NONE});
  spec.add_epsilon_layers("layer0");
  const auto rows = Sweep(spec, &pool_);
  v1::PowerMode mode;
  (*mode.mutable_layer_epsilon())["layer0"] = 0.1;
  v1::PowerSweepSpec same;
  *same.add_modes() = mode;
  same.mutable_noise()->set_without(true);
  const auto wanted = Sweep(same, &pool_);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].epsilon(), 0.1);
  EXPECT_EQ(rows[1].power_mode().layer_epsilon().at("layer0"), 0.1);
  EXPECT_EQ(rows[1].nasp(), wanted[0].nasp());
  EXPECT_EQ(rows[1].accuracy(), wanted[0].accuracy());

  spec.add_epsilon_layers("layer7");
  const absl::Status status =
      SweepPower(*model_, spec, {}, test_, &pool_, cancellation_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(::testing::HasSubstr("epsilon_layers[1]"),
                               ::testing::HasSubstr("layer0, layer1")));
}

TEST_F(SweepTest, BadSpecsAndDataAreRefused) {
  EXPECT_FALSE(SweepPower(*model_, Spec({}, {}), {}, test_, &pool_, cancellation_, {}).ok());
  const Dataset other = Dataset::FromFloats({1, 2, 3}, {3}, {0}, 10);
  const absl::Status status =
      SweepPower(*model_, Spec({1}, {}), {}, other, &pool_, cancellation_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("dataset"), std::string::npos);
  Cancellation cancelled;
  cancelled.Cancel();
  EXPECT_EQ(SweepPower(*model_, Spec({1}, {}), {}, test_, &pool_, cancelled, {}).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace torpor
