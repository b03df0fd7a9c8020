#include "engine/stdp/labels.h"

#include <gtest/gtest.h>

#include <vector>

namespace torpor {
namespace {

constexpr int32_t kNone = NeuronLabels::kUnassigned;

// Four neurons, three classes of 10, 5 and 0 samples.
NeuronLabels SomeLabels() {
  return AssignLabels(std::vector<int64_t>{30, 10, 0,   // 3 and 2 a sample
                                           10, 10, 0,   // 1 and 2
                                           0, 0, 0,     // never
                                           20, 10, 7},  // 2 and 2, and nothing of no samples
                      std::vector<int64_t>{10, 5, 0});
}

TEST(LabelsTest, AssignsTheClassOfTheHighestMeanResponse) {
  const NeuronLabels labels = SomeLabels();
  EXPECT_EQ(labels.classes, 3);
  EXPECT_EQ(labels.assigned, (std::vector<int32_t>{0, 1, kNone, 0}));
  const std::vector<float> expected = {0.6f, 0.4f, 0, 1.0f / 3, 2.0f / 3, 0,
                                       0,    0,    0, 0.5f,     0.5f,     0};
  ASSERT_EQ(labels.proportions.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_FLOAT_EQ(labels.proportions[i], expected[i]) << i;
  }
}

TEST(LabelsTest, ActivityIsTheMeanCountOfAClassesNeurons) {
  std::vector<float> scores(3, 9.0f);
  ActivityScores(SomeLabels(), std::vector<int32_t>{4, 3, 50, 1}, scores);
  EXPECT_EQ(scores, (std::vector<float>{2.5f, 3, 0}));
}

TEST(LabelsTest, ProportionsWeighEverySpike) {
  std::vector<float> scores(3, 9.0f);
  ProportionScores(SomeLabels(), std::vector<int32_t>{4, 3, 50, 1}, scores);
  EXPECT_FLOAT_EQ(scores[0], (4 * 0.6f + 1 + 0.5f) / 8);
  EXPECT_FLOAT_EQ(scores[1], (4 * 0.4f + 2 + 0.5f) / 8);
  EXPECT_EQ(scores[2], 0.0f);
  ProportionScores(SomeLabels(), std::vector<int32_t>{0, 0, 2, 0}, scores);
  EXPECT_EQ(scores, (std::vector<float>{0, 0, 0}));
}

}  // namespace
}  // namespace torpor
