#include "engine/power/noise.h"

#include <cmath>
#include <limits>

#include "engine/power/mode_bench.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/trained_digits.h"

namespace torpor {
namespace {

using B = v1::BiasPolicy;

class NoiseTest : public testing::TrainedDigitsTest {
 protected:
  std::vector<v1::NoiseAccuracy> Measure(const v1::PowerMode& mode, const NoisePlan& plan,
                                         ThreadPool* pool, uint64_t seed = 7) {
    v1::Realisation chip;
    chip.set_seed(seed);
    auto levels = MeasureNoise(*model_, mode, chip, plan, test_, pool, cancellation_);
    EXPECT_TRUE(levels.ok()) << levels.status();
    return *std::move(levels);
  }
  static v1::PowerMode Mode(double epsilon) {
    v1::PowerMode mode;
    mode.set_epsilon(epsilon);
    mode.set_bias(B::HOMOGENEOUS);
    return mode;
  }
};

TEST_F(NoiseTest, DefaultsAreTwoLevelsAndFiveSeeds) {
  const NoisePlan plan = PlanOf(v1::NoiseSpec());
  EXPECT_THAT(plan.levels, ::testing::ElementsAre(0.01, 0.03));
  EXPECT_EQ(plan.seeds, 5);
  EXPECT_EQ(plan.passes(), 10);
  v1::NoiseSpec without;
  without.set_without(true);
  EXPECT_EQ(PlanOf(without).passes(), 0);
}

// The mean over seeds is that of single evaluations on realisations with those seeds.
TEST_F(NoiseTest, ItIsTheMeanOverRealisationsThatDifferInTheirSeedAlone) {
  const NoisePlan plan = {.levels = {0.1}, .seeds = 3};
  const auto levels = Measure(Mode(0.3), plan, &pool_);
  ASSERT_EQ(levels.size(), 1u);
  double sum = 0;
  double least = 1;
  double most = 0;
  for (int k = 0; k < 3; ++k) {
    v1::Realisation noisy;
    noisy.set_column_noise(0.1);
    noisy.set_seed(NoiseSeed(7, k));
    const auto full = model_->Deploy(v1::PowerMode(), noisy);
    const auto reference = MeasureFullPower(**full, test_, &pool_, cancellation_);
    const auto row =
        EvaluateMode(**model_->Deploy(Mode(0.3), noisy), *reference, test_, &pool_, cancellation_);
    sum += row->accuracy();
    least = std::min(least, row->accuracy());
    most = std::max(most, row->accuracy());
  }
  EXPECT_LT(least, most);
  EXPECT_NEAR(levels[0].accuracy(), sum / 3, 1e-12);
  EXPECT_EQ(levels[0].level(), 0.1);
  EXPECT_EQ(levels[0].seeds(), 3);
  // t(0.975, 2) / sqrt(3) = 2.48 standard deviations, and those of three numbers are at least half
  // their range.
  EXPECT_LT(levels[0].low(), levels[0].accuracy() - 2.4 * (most - least) / 2);
  EXPECT_GT(levels[0].high(), levels[0].accuracy());
}

TEST_F(NoiseTest, ASmallSignalLosesMoreAndMoreNoiseLosesMore) {
  const NoisePlan plan = {.levels = {0.01, 0.1}, .seeds = 3};
  const auto full = Measure(Mode(1), plan, &pool_);
  const auto low = Measure(Mode(0.1), plan, &pool_);
  EXPECT_GT(full[0].accuracy(), low[0].accuracy() - 0.01);
  EXPECT_GT(full[1].accuracy(), low[1].accuracy() + 0.1);
  EXPECT_GT(low[0].accuracy(), low[1].accuracy() + 0.1);
}

TEST_F(NoiseTest, OneSeedHasWilsonsInterval) {
  const auto levels = Measure(Mode(1), {.levels = {0.01}, .seeds = 1}, &pool_);
  const int64_t correct = std::llround(levels[0].accuracy() * static_cast<double>(test_.size()));
  EXPECT_EQ(levels[0].low(), WilsonInterval(correct, test_.size()).low);
  EXPECT_EQ(levels[0].high(), WilsonInterval(correct, test_.size()).high);
}

TEST_F(NoiseTest, TheSameBitsForAnyNumberOfThreadsAndOtherNoiseForAnotherSeed) {
  const NoisePlan plan = {.levels = {0.1}, .seeds = 4};
  ThreadPool three(3);
  ThreadPool one(1);
  const auto first = Measure(Mode(0.2), plan, &one)[0];
  EXPECT_EQ(first.SerializeAsString(), Measure(Mode(0.2), plan, &three)[0].SerializeAsString());
  EXPECT_NE(first.accuracy(), Measure(Mode(0.2), plan, &one, 8)[0].accuracy());
}

TEST_F(NoiseTest, WithoutCalibrationThereIsNoUnitAndNoFigure) {
  model_->Initialise(1);  // forgets the calibration
  EXPECT_FALSE(HasNoiseUnit(*model_));
  EXPECT_TRUE(Measure(Mode(1), PlanOf({}), &pool_).empty());
  const auto bench = ModeBench::Create(*model_, {}, test_, &pool_, cancellation_);
  const auto row = bench->Measure(Mode(1), PlanOf({}));
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->noise_accuracy_size(), 0);
  EXPECT_EQ(row->nasp(), 1);
}

TEST_F(NoiseTest, ItCanBeCancelledBetweenItsPasses) {
  int passes = 0;
  Cancellation cancellation;
  const auto after_pass = [&] {
    if (++passes == 2) cancellation.Cancel();
  };
  const auto levels =
      MeasureNoise(*model_, Mode(1), {}, PlanOf({}), test_, &pool_, cancellation, after_pass);
  EXPECT_EQ(levels.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(passes, 2);
}

TEST(CheckNoiseTest, EachBadFieldIsNamed) {
  auto message = [](const v1::NoiseSpec& spec) {
    Violations violations;
    CheckNoise(spec, "noise.", violations);
    return std::string(violations.ToStatus().message());
  };
  for (const double level : {-0.1, 0.0, 10.5, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
    v1::NoiseSpec spec;
    spec.add_levels(0.01);
    spec.add_levels(level);
    EXPECT_THAT(message(spec), ::testing::StartsWith("noise.levels[1]: must be in (0, 10]"));
  }
  v1::NoiseSpec spec;
  spec.set_seeds(1001);
  EXPECT_THAT(message(spec), ::testing::StartsWith("noise.seeds"));
  spec.set_seeds(-1);
  EXPECT_THAT(message(spec), ::testing::StartsWith("noise.seeds"));
  spec.set_seeds(1000);
  EXPECT_EQ(message(spec), "");
  spec.set_without(true);
  spec.add_levels(0.1);
  EXPECT_THAT(message(spec), ::testing::StartsWith("noise.levels: must be empty"));
}

}  // namespace
}  // namespace torpor
