#include "engine/data/dataset.h"

#include <algorithm>
#include <vector>

#include "engine/data/catalogue.h"
#include "engine/data/pixels.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;

TEST(Dataset, PixelsAreDividedBy255) {
  std::vector<uint8_t> pixels(256);
  for (int i = 0; i < 256; ++i) pixels[static_cast<size_t>(i)] = static_cast<uint8_t>(i);
  const Dataset data = Dataset::FromBytes(pixels, {16, 16}, {0}, 1);
  std::vector<float> out(256);
  data.CopySample(0, out);
  for (int i = 0; i < 256; ++i) EXPECT_EQ(out[static_cast<size_t>(i)], static_cast<float>(i) / 255);
}

TEST(Dataset, SlicesAreWindowsOfTheSameSamples) {
  const Dataset data = Dataset::FromFloats({0, 1, 2, 3, 4, 5, 6, 7}, {2}, {0, 1, 2, 3}, 4);
  const Dataset middle = data.Slice(1, 4).Slice(0, 2);
  EXPECT_EQ(middle.size(), 2);
  EXPECT_EQ(middle.classes(), 4);
  EXPECT_EQ(middle.label(1), 2);
  Matrix out(2, 2);
  middle.CopyRange(0, 2, View(out));
  EXPECT_EQ(out, (Matrix(2, 2) << 2, 3, 4, 5).finished());
  EXPECT_EQ(data.Slice(4, 4).size(), 0);
}

TEST(Dataset, BytesAreWhatWasStoredOrWhatPixelsAreReadAs) {
  std::vector<uint8_t> pixels(256);
  for (int i = 0; i < 256; ++i) pixels[static_cast<size_t>(i)] = static_cast<uint8_t>(i);
  const Dataset data = Dataset::FromBytes(pixels, {128}, {0, 0}, 1);
  std::vector<uint8_t> bytes(128), through_floats(128);
  std::vector<float> values(128);
  for (int64_t i = 0; i < 2; ++i) {
    data.CopyBytes(i, bytes);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), pixels.begin() + 128 * i));
    data.CopySample(i, values);
    ReadPixels(values, through_floats);
    EXPECT_EQ(bytes, through_floats) << "the way through floats must give the same";
  }
  const Dataset floats = Dataset::FromFloats({9, 9, 9, 9, -1, 0.5f, 0.25f, 7}, {4}, {0, 0}, 1);
  std::vector<uint8_t> four(4);
  floats.Slice(1, 2).CopyBytes(0, four);
  EXPECT_THAT(four, ElementsAre(0, 128, 64, 255));
}

TEST(Dataset, TargetsGoWithTheirSamples) {
  const Dataset plain = Dataset::FromFloats({0, 1, 2, 3}, {1}, {0, 1, 0, 1}, 2);
  EXPECT_FALSE(plain.has_targets());
  EXPECT_EQ(plain.target_values(), 0);
  EXPECT_TRUE(plain.target_shape().empty());
  // Sample i has a spike in step i of unit i % 2.
  std::vector<uint8_t> spikes(4 * 4 * 2);
  for (size_t i = 0; i < 4; ++i) spikes[i * 8 + i * 2 + i % 2] = 1;
  const Dataset data = plain.WithTargets(spikes, {4, 2});
  EXPECT_FALSE(plain.has_targets());
  EXPECT_TRUE(data.has_targets());
  EXPECT_THAT(data.target_shape(), ElementsAre(4, 2));
  EXPECT_EQ(data.target_values(), 8);
  std::vector<uint8_t> target(8);
  data.Slice(1, 4).Slice(1, 3).CopyTarget(1, target);
  EXPECT_THAT(target, ElementsAre(0, 0, 0, 0, 0, 0, 0, 1));
  // Given to a slice, they are those of the slice.
  const Dataset late = plain.Slice(2, 4).WithTargets({1, 0, 0, 1}, {1, 2});
  std::vector<uint8_t> pair(2);
  late.CopyTarget(0, pair);
  EXPECT_THAT(pair, ElementsAre(1, 0));
  late.Slice(1, 2).CopyTarget(0, pair);
  EXPECT_THAT(pair, ElementsAre(0, 1));
}

TEST(DatasetDeathTest, TargetsOfWrongSizeOrValueAreBugs) {
  const Dataset data = Dataset::FromFloats({0, 1}, {1}, {0, 0}, 1);
  EXPECT_DEATH(data.WithTargets({0, 1, 0}, {1, 2}), "check failed");
  EXPECT_DEATH(data.WithTargets({0, 1, 0, 2}, {1, 2}), "check failed");
  EXPECT_DEATH(data.WithTargets({0, 1}, {1}), "check failed");
  std::vector<uint8_t> out(2);
  EXPECT_DEATH(data.CopyTarget(0, out), "check failed");
  EXPECT_DEATH(data.WithTargets({0, 1, 0, 1}, {1, 2}).CopyTarget(2, out), "check failed");
}

TEST(DatasetDeathTest, InconsistentSizesAndLabelsAreBugs) {
  EXPECT_DEATH(Dataset::FromFloats({0, 1, 2}, {2}, {0}, 1), "check failed");
  EXPECT_DEATH(Dataset::FromFloats({0, 1}, {2}, {1}, 1), "check failed");
  const Dataset data = Dataset::FromFloats({0, 1}, {2}, {0}, 1);
  std::vector<float> out(2);
  EXPECT_DEATH(data.CopySample(1, out), "check failed");
  EXPECT_DEATH(data.Slice(0, 2), "check failed");
}

TEST(SyntheticDigits, AreAlwaysTheSame) {
  for (const auto split : {v1::Split::TRAIN, v1::Split::TEST}) {
    const Dataset a = SyntheticDigits(split), b = SyntheticDigits(split);
    EXPECT_EQ(a.size(), split == v1::Split::TRAIN ? 2000 : 500);
    EXPECT_THAT(a.sample_shape(), ElementsAre(12, 12));
    Matrix x(a.size(), a.features()), y(b.size(), b.features());
    a.CopyRange(0, a.size(), View(x));
    b.CopyRange(0, b.size(), View(y));
    EXPECT_EQ(x, y);
  }
}

TEST(SyntheticDigits, HaveTenBalancedClassesAndUnlikeSplits) {
  const Dataset train = SyntheticDigits(v1::Split::TRAIN), test = SyntheticDigits(v1::Split::TEST);
  std::vector<int> counts(10);
  for (int64_t i = 0; i < train.size(); ++i) ++counts[static_cast<size_t>(train.label(i))];
  for (const int count : counts) EXPECT_NEAR(count, 200, 60);
  std::vector<float> a(144), b(144);
  train.CopySample(0, a);
  test.CopySample(0, b);
  EXPECT_NE(a, b);
}

// What the set promises: near samples of the training split have the right label, and no single
// template per class does as well.
TEST(SyntheticDigits, AreSeparableButNotByOneTemplateAClass) {
  const Dataset train = SyntheticDigits(v1::Split::TRAIN), test = SyntheticDigits(v1::Split::TEST);
  Matrix x(train.size(), 144), y(test.size(), 144), means = Matrix::Zero(10, 144);
  train.CopyRange(0, train.size(), View(x));
  test.CopyRange(0, test.size(), View(y));
  Eigen::VectorXf counts = Eigen::VectorXf::Zero(10);
  for (int64_t i = 0; i < train.size(); ++i) {
    means.row(train.label(i)) += x.row(i);
    counts[train.label(i)] += 1;
  }
  for (int c = 0; c < 10; ++c) means.row(c) /= counts[c];
  int nearest = 0, templates = 0;
  for (int64_t i = 0; i < test.size(); ++i) {
    Eigen::Index best;
    (x.rowwise() - y.row(i)).rowwise().squaredNorm().minCoeff(&best);
    nearest += train.label(best) == test.label(i);
    (means.rowwise() - y.row(i)).rowwise().squaredNorm().minCoeff(&best);
    templates += best == test.label(i);
  }
  EXPECT_GE(nearest, 475);
  EXPECT_LE(templates, nearest - 10);
}

}  // namespace
}  // namespace torpor
