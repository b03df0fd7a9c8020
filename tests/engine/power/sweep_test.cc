#include "engine/power/evaluate.h"

#include "engine/base/status.h"
#include "engine/data/catalogue.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using testing::DeployOf;
using testing::ModelOf;
using A = v1::Activation;
using B = v1::BiasPolicy;

class SweepTest : public ::testing::Test {
 protected:
  SweepTest() {
    v1::TrainSpec spec;
    spec.set_learning_rate(5e-3);
    auto trainer = model_->NewTrainer(spec, &pool_);
    TORPOR_CHECK(testing::TrainEpochs(**trainer, train_, 100, 1, 0, 10).ok());
    TORPOR_CHECK(model_->Calibrate(train_, "digits", "digest", &pool_, cancellation_).ok());
  }

  v1::PowerSweepSpec Spec(std::vector<double> epsilons, std::vector<B::Kind> policies) {
    v1::PowerSweepSpec spec;
    for (double epsilon : epsilons) spec.add_epsilon(epsilon);
    for (B::Kind policy : policies) spec.add_bias(policy);
    return spec;
  }

  std::vector<v1::PowerSweepRow> Sweep(const v1::PowerSweepSpec& spec, ThreadPool* pool,
                                       double noise = 0) {
    v1::Realisation chip;
    chip.set_column_noise(noise);
    auto rows = SweepPower(*model_, spec, chip, test_, pool, cancellation_, nullptr);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return *std::move(rows);
  }

  const Dataset train_ = SyntheticDigits(v1::Split::TRAIN);
  const Dataset test_ = SyntheticDigits(v1::Split::TEST);
  ThreadPool pool_{2};
  Cancellation cancellation_;
  std::unique_ptr<Model> model_ = ModelOf(train_.features(), {{64, A::RELU}, {10, A::SIGMOID}});
};

TEST_F(SweepTest, FullPowerIsExactlyOneUnderEveryPolicy) {
  for (double noise : {0.0, 0.02}) {
    for (const v1::PowerSweepRow& row :
         Sweep(Spec({1}, {B::NONE, B::TABLE, B::HOMOGENEOUS}), &pool_, noise)) {
      EXPECT_EQ(row.nasp(), 1.0);
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
  auto rows = SweepPower(*model_, spec, {}, test_, &pool_, cancellation_,
                         [&](int d, int total, const v1::PowerSweepRow&) {
                           EXPECT_EQ(total, 4);
                           done.push_back(d);
                         });
  ASSERT_TRUE(rows.ok());
  EXPECT_THAT(done, ::testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ((*rows)[1].epsilon(), 1);
  EXPECT_EQ((*rows)[1].bias(), B::TABLE);
  EXPECT_EQ((*rows)[2].epsilon(), 0.5);
}

TEST_F(SweepTest, ModesThatCannotBeDeployedAreRowsWithTheirError) {
  model_->Initialise(1);  // forgets the calibration
  const auto rows = Sweep(Spec({0.5, 2}, {B::TABLE, B::NONE}), &pool_);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_NE(rows[0].error().message().find("calibration"), std::string::npos);
  EXPECT_FALSE(rows[1].has_error());
  EXPECT_NE(rows[3].error().message().find("epsilon"), std::string::npos);
}

TEST_F(SweepTest, BadSpecsAndDataAreRefused) {
  EXPECT_FALSE(SweepPower(*model_, Spec({}, {}), {}, test_, &pool_, cancellation_, nullptr).ok());
  const Dataset other = Dataset::FromFloats({1, 2, 3}, {3}, {0}, 10);
  const absl::Status status =
      SweepPower(*model_, Spec({1}, {}), {}, other, &pool_, cancellation_, nullptr).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("dataset"), std::string::npos);
  Cancellation cancelled;
  cancelled.Cancel();
  EXPECT_EQ(
      SweepPower(*model_, Spec({1}, {}), {}, test_, &pool_, cancelled, nullptr).status().code(),
      absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace torpor
