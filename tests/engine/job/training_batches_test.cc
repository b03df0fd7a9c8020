#include "engine/job/training_batches.h"

#include <algorithm>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/bad_fields.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;

constexpr int kSamples = 37;
constexpr size_t kValues = 6;

v1::TrainSpec Spec() {
  v1::TrainSpec spec;
  spec.set_batch_size(10);
  spec.set_epochs(2);
  spec.set_seed(3);
  return spec;
}

// Sample i has the value i; its target has a spike at i % 6, and another at 5 for even ones.
Dataset Numbered() {
  std::vector<float> values(kSamples);
  std::vector<uint8_t> spikes(kSamples * kValues);
  for (size_t i = 0; i < kSamples; ++i) {
    values[i] = static_cast<float>(i);
    spikes[i * kValues + i % kValues] = 1;
    if (i % 2 == 0) spikes[i * kValues + 5] = 1;
  }
  return Dataset::FromFloats(values, {1}, std::vector<int32_t>(kSamples), 1)
      .WithTargets(spikes, {2, 3});
}

TEST(TrainingBatchesTest, TargetsStandBesideTheirSamples) {
  ThreadPool pool(2);
  const Dataset data = Numbered();
  TORPOR_ASSERT_OK_AND_ASSIGN(TrainingBatches batches,
                              TrainingBatches::Create(Spec(), data, &pool));
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    std::vector<int> seen;
    for (int64_t first = 0; first < kSamples; first += 10) {
      const Batch batch = batches.Get(epoch, first);
      const size_t count = static_cast<size_t>(batch.inputs.rows());
      ASSERT_EQ(batch.targets.size(), count * kValues);
      for (size_t i = 0; i < count; ++i) {
        const int sample = static_cast<int>(batch.inputs(static_cast<Eigen::Index>(i), 0));
        seen.push_back(sample);
        std::vector<uint8_t> target(kValues);
        data.CopyTarget(sample, target);
        EXPECT_TRUE(std::equal(target.begin(), target.end(), batch.targets.begin() + i * kValues))
            << "sample " << sample;
      }
    }
    EXPECT_FALSE(std::is_sorted(seen.begin(), seen.end()));
    std::sort(seen.begin(), seen.end());
    for (int i = 0; i < kSamples; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], i);
  }
}

TEST(TrainingBatchesTest, WithoutTargetsThereAreNone) {
  ThreadPool pool(1);
  const Dataset data = Dataset::FromFloats({1, 2}, {1}, {0, 0}, 1);
  TORPOR_ASSERT_OK_AND_ASSIGN(TrainingBatches batches,
                              TrainingBatches::Create(Spec(), data, &pool));
  EXPECT_TRUE(batches.Get(0, 0).targets.empty());
}

TEST(TrainingBatchesTest, ImagesWithTargetsAreNotChanged) {
  ThreadPool pool(1);
  v1::TrainSpec spec = Spec();
  spec.mutable_augmentation()->set_shift(2);
  EXPECT_THAT(testing::FieldsOf(TrainingBatches::Create(spec, Numbered(), &pool).status()),
              ElementsAre("augmentation"));
}

}  // namespace
}  // namespace torpor
