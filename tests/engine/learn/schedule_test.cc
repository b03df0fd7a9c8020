#include "engine/learn/schedule.h"

#include <cmath>
#include <optional>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/bad_fields.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::TrainSpec Spec(v1::Schedule::Kind schedule, int epochs, double warmup) {
  v1::TrainSpec spec;
  spec.set_schedule(schedule);
  spec.set_epochs(epochs);
  spec.set_warmup_epochs(warmup);
  return spec;
}

TEST(LearningRateTest, ConstantIsTheRateToTheLastBit) {
  const double rate = 0.1 + 0.2;
  for (const auto schedule : {v1::Schedule::CONSTANT, v1::Schedule::UNSPECIFIED}) {
    const LearningRate course(Spec(schedule, 7, 0), rate);
    for (double progress : {0.0, 1e-9, 0.3, 0.999, 1.0}) EXPECT_EQ(course.At(progress), rate);
  }
}

TEST(LearningRateTest, CosineFallsToAHundredth) {
  const LearningRate course(Spec(v1::Schedule::COSINE, 10, 0), 2);
  EXPECT_DOUBLE_EQ(course.At(0), 2);
  EXPECT_DOUBLE_EQ(course.At(0.5), 2 * 0.505);
  EXPECT_DOUBLE_EQ(course.At(0.25), 2 * (0.01 + 0.99 * (1 + std::sqrt(0.5)) / 2));
  EXPECT_NEAR(course.At(1), 0.02, 1e-15);
}

TEST(LearningRateTest, WarmUpIsTheShareOfItsEpochsThatIsOver) {
  const LearningRate constant(Spec(v1::Schedule::CONSTANT, 10, 2), 3);
  EXPECT_EQ(constant.At(0), 0);
  EXPECT_DOUBLE_EQ(constant.At(0.05), 0.75);
  EXPECT_DOUBLE_EQ(constant.At(0.1), 1.5);
  EXPECT_EQ(constant.At(0.2), 3);
  EXPECT_EQ(constant.At(0.7), 3);
  const LearningRate cosine(Spec(v1::Schedule::COSINE, 10, 2), 3);
  const LearningRate without(Spec(v1::Schedule::COSINE, 10, 0), 3);
  EXPECT_DOUBLE_EQ(cosine.At(0.1), without.At(0.1) / 2);
  EXPECT_EQ(cosine.At(0.3), without.At(0.3));
  // Epochs that were left open are 5.
  EXPECT_DOUBLE_EQ(LearningRate(Spec(v1::Schedule::CONSTANT, 0, 1), 1).At(0.1), 0.5);
}

TEST(LearningRateTest, StepsMultiplyAtTheirBounds) {
  v1::TrainSpec spec = Spec(v1::Schedule::STEPS, 10, 0);
  const LearningRate defaults(spec, 0.8);
  EXPECT_EQ(defaults.At(0), 0.8);
  EXPECT_EQ(defaults.At(0.499999), 0.8);
  EXPECT_EQ(defaults.At(0.5), 0.4);
  EXPECT_EQ(defaults.At(0.75), 0.2);
  EXPECT_EQ(defaults.At(1), 0.2);
  spec.add_step_at(0.1);
  spec.add_step_at(0.2);
  spec.add_step_at(0.9);
  spec.set_step_factor(0.1);
  spec.set_warmup_epochs(2);
  const LearningRate own(spec, 3);
  EXPECT_DOUBLE_EQ(own.At(0.05), 3 * 0.25);
  EXPECT_DOUBLE_EQ(own.At(0.15), 3 * 0.1 * 0.75);
  EXPECT_DOUBLE_EQ(own.At(0.5), 3 * 0.01);
  EXPECT_DOUBLE_EQ(own.At(0.95), 3 * 0.001);
}

TEST(FillScheduleTest, WritesOutWhatIsLeftOpen) {
  v1::TrainSpec spec;
  FillSchedule(v1::Schedule::COSINE, spec);
  EXPECT_EQ(spec.schedule(), v1::Schedule::COSINE);
  EXPECT_EQ(spec.step_at_size(), 0);
  EXPECT_FALSE(spec.has_step_factor());
  spec.set_schedule(v1::Schedule::STEPS);
  FillSchedule(v1::Schedule::COSINE, spec);
  EXPECT_THAT(spec.step_at(), ElementsAre(0.5, 0.75));
  EXPECT_EQ(spec.step_factor(), 0.5);
  spec.clear_step_at();
  spec.add_step_at(0.25);
  spec.set_step_factor(1);
  FillSchedule(v1::Schedule::COSINE, spec);
  EXPECT_THAT(spec.step_at(), ElementsAre(0.25));
  EXPECT_EQ(spec.step_factor(), 1);
}

TEST(CheckScheduleTest, EachBadFieldIsNamed) {
  const auto fields = [](v1::Schedule::Kind schedule, std::vector<double> at,
                         std::optional<double> factor) {
    v1::TrainSpec spec;
    spec.set_schedule(schedule);
    spec.mutable_step_at()->Assign(at.begin(), at.end());
    if (factor) spec.set_step_factor(*factor);
    Violations violations;
    CheckSchedule(spec, "x.", violations);
    return testing::FieldsOf(violations.ToStatus());
  };
  constexpr auto kSteps = v1::Schedule::STEPS;
  EXPECT_THAT(fields(kSteps, {0.1, 0.2, 0.99}, 1), IsEmpty());
  EXPECT_THAT(fields(kSteps, {}, {}), IsEmpty());
  EXPECT_THAT(fields(kSteps, {0}, {}), ElementsAre("x.step_at[0]"));
  EXPECT_THAT(fields(kSteps, {0.5, 1}, {}), ElementsAre("x.step_at[1]"));
  EXPECT_THAT(fields(kSteps, {0.5, 0.5}, {}), ElementsAre("x.step_at[1]"));
  EXPECT_THAT(fields(kSteps, {0.5, 0.4, 0.6}, {}), ElementsAre("x.step_at[1]"));
  EXPECT_THAT(fields(kSteps, {std::nan("")}, {}), ElementsAre("x.step_at[0]"));
  for (const double factor : {0.0, -0.5, 1.01, std::nan("")}) {
    EXPECT_THAT(fields(kSteps, {}, factor), ElementsAre("x.step_factor")) << factor;
  }
  EXPECT_THAT(fields(v1::Schedule::COSINE, {0.5}, 0.5), ElementsAre("x.step_at", "x.step_factor"));
  EXPECT_THAT(fields(v1::Schedule::UNSPECIFIED, {0.5}, {}), ElementsAre("x.step_at"));
  EXPECT_THAT(fields(static_cast<v1::Schedule::Kind>(9), {0.5}, {}), ElementsAre("x.schedule"));
}

}  // namespace
}  // namespace torpor
