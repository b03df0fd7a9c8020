#include "engine/learn/schedule.h"

#include <cmath>

#include "gtest/gtest.h"

namespace torpor {
namespace {

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

}  // namespace
}  // namespace torpor
