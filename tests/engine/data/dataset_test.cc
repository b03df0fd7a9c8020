#include "engine/data/dataset.h"

#include <vector>

#include "engine/data/catalogue.h"
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
