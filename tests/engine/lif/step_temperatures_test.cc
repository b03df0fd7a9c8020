#include "engine/lif/step_temperatures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model_fixture.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using testing::SmallLif;

using StepTemperaturesTest = LifModelTest;

TEST_F(StepTemperaturesTest, AssumedOfMeansAreAlikeAndOfCountsInProportion) {
  const auto definition = [](const char* read_out) {
    return *ResolveLif(testing::LifNetworkOf(absl::StrCat(
        "input { shape: [2] } steps: 4 direct {} layers { dense { units: 2 } } ", read_out)));
  };
  EXPECT_THAT(AssumedStepTemperatures(definition(""), 2), ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(AssumedStepTemperatures(definition("read_out: SPIKES"), 2),
              ElementsAre(0.5, 1, 1.5, 2));
}

// One layer and one spike in the first step: after n steps all scores are c[n] times the same
// numbers, so that temperatures in the proportion of the c give the same probabilities.
TEST_F(StepTemperaturesTest, FindTheScaleOfScoresThatDifferInNothingElse) {
  const LifDefinition definition = *ResolveLif(
      testing::LifNetworkOf("input { shape: [3] } steps: 6 layers { dense { units: 4 } }"));
  const LifParameters weights = FreshLifWeights(definition, 3);
  const Dataset data =
      Dataset::FromFloats({1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1}, {3}, {0, 1, 2, 3}, 4);
  const std::vector<double> measured =
      MeasuredStepTemperatures(definition, weights, data, 0.1, &pool_);
  ASSERT_EQ(measured.size(), 6u);
  // Sums of P = 1, 1.6, 1.93, ...: beta P + alpha^n.
  double p = 0, q = 1, sum = 0;
  std::vector<double> scale;
  for (int n = 1; n <= 6; ++n, q *= 0.7) {
    p = 0.9 * p + q;
    sum += p;
    scale.push_back(sum / n);
  }
  for (size_t n = 0; n < 6; ++n) {
    EXPECT_NEAR(measured[n], 0.1 * scale[n] / scale[5], 2e-3 * measured[n]) << n;
  }
  EXPECT_EQ(measured[5], 0.1);
}

TEST_F(StepTemperaturesTest, ThreadsChangeNothing) {
  const LifDefinition definition = *ResolveLif(SmallLif("rate { chance: 0.5 } order: DELAYED"));
  const LifParameters weights = FreshLifWeights(definition, 3);
  ThreadPool one(1), three(3);
  EXPECT_EQ(MeasuredStepTemperatures(definition, weights, train_.Slice(0, 300), 1, &one),
            MeasuredStepTemperatures(definition, weights, train_.Slice(0, 300), 1, &three));
}

}  // namespace
}  // namespace torpor
