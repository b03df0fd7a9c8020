#include "engine/data/augment.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

v1::Augmentation Spec(double rotation, double shift, double rescale) {
  v1::Augmentation spec;
  spec.set_rotation(rotation);
  spec.set_shift(shift);
  spec.set_rescale(rescale);
  return spec;
}

Augmenter New(const v1::Augmentation& spec, const std::vector<int64_t>& shape, uint64_t seed = 1) {
  auto augmenter = Augmenter::Create(spec, shape, seed);
  EXPECT_TRUE(augmenter.ok()) << augmenter.status();
  return *augmenter;
}

// A round spot: smooth, so that moments survive resampling. [40 x 30]
constexpr int kHeight = 40, kWidth = 30;
std::vector<float> Blob(double row, double column, double width = 3) {
  std::vector<float> image(kHeight * kWidth);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const double d = (y - row) * (y - row) + (x - column) * (x - column);
      image[y * kWidth + x] = static_cast<float>(std::exp(-d / (2 * width * width)));
    }
  }
  return image;
}

struct Moments {
  double mass = 0, row = 0, column = 0, spread = 0;
};

Moments MomentsOf(std::span<const float> image) {
  Moments m;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const double v = image[y * kWidth + x];
      m.mass += v;
      m.row += v * y;
      m.column += v * x;
    }
  }
  m.row /= m.mass;
  m.column /= m.mass;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      m.spread += image[y * kWidth + x] *
                  ((y - m.row) * (y - m.row) + (x - m.column) * (x - m.column)) / m.mass;
    }
  }
  return m;
}

constexpr double kCentreRow = (kHeight - 1) / 2.0, kCentreColumn = (kWidth - 1) / 2.0;

TEST(AugmenterTest, NothingToChangeIsTheImageItself) {
  const std::vector<float> image = Blob(12, 20);
  std::vector<float> out(image.size());
  New(Spec(0, 0, 0), {kHeight, kWidth}).Apply(3, 5, image, out);
  for (size_t i = 0; i < image.size(); ++i) ASSERT_NEAR(out[i], image[i], 1e-6);
  EXPECT_FALSE(Augmenter::Changes(Spec(0, 0, 0)));
  EXPECT_TRUE(Augmenter::Changes(Spec(0, 0, 0.1)));
}

TEST(AugmenterTest, ShiftsBothAxesByThemselvesUniformly) {
  const std::vector<float> image = Blob(kCentreRow, kCentreColumn);
  const Augmenter augmenter = New(Spec(0, 4, 0), {kHeight, kWidth});
  std::vector<float> out(image.size());
  double rows = 0, columns = 0, both = 0, row_square = 0, column_square = 0, most = 0;
  constexpr int kSamples = 2000;
  for (int sample = 0; sample < kSamples; ++sample) {
    augmenter.Apply(0, sample, image, out);
    const Moments m = MomentsOf(out);
    const double down = m.row - kCentreRow, right = m.column - kCentreColumn;
    rows += down;
    columns += right;
    both += down * right;
    row_square += down * down;
    column_square += right * right;
    most = std::max({most, std::fabs(down), std::fabs(right)});
  }
  // A uniform value in +-4: variance 16/3; standard errors 0.05, 0.12 and 0.12.
  EXPECT_NEAR(rows / kSamples, 0, 0.2);
  EXPECT_NEAR(columns / kSamples, 0, 0.2);
  EXPECT_NEAR(row_square / kSamples, 16.0 / 3, 0.4);
  EXPECT_NEAR(column_square / kSamples, 16.0 / 3, 0.4);
  EXPECT_NEAR(both / kSamples, 0, 0.5);
  EXPECT_LT(most, 4.02);
  EXPECT_GT(most, 3.95);
}

TEST(AugmenterTest, TurnsAboutTheCentreAndKeepsDistances) {
  const std::vector<float> image = Blob(kCentreRow - 8, kCentreColumn);
  const Augmenter augmenter = New(Spec(30, 0, 0), {kHeight, kWidth});
  std::vector<float> out(image.size());
  double least = 0, most = 0;
  for (int sample = 0; sample < 300; ++sample) {
    augmenter.Apply(0, sample, image, out);
    const Moments m = MomentsOf(out);
    const double down = m.row - kCentreRow, right = m.column - kCentreColumn;
    ASSERT_NEAR(std::hypot(down, right), 8, 0.02);
    const double angle = std::atan2(right, -down) * 180 / M_PI;
    least = std::min(least, angle);
    most = std::max(most, angle);
  }
  EXPECT_GT(least, -30.2);
  EXPECT_LT(least, -29);
  EXPECT_LT(most, 30.2);
  EXPECT_GT(most, 29);
  // A quarter of a turn of a square image is exact: the centre is right.
  std::vector<float> square(25);
  square[7] = 1;  // row 1, column 2: above the centre
  v1::Augmentation turn = Spec(180, 0, 0);
  std::vector<float> turned(25);
  std::set<int> places;
  for (int sample = 0; sample < 3000; ++sample) {
    New(turn, {5, 5}).Apply(0, sample, square, turned);
    for (int i = 0; i < 25; ++i) {
      if (turned[i] > 0.995) places.insert(i);
    }
  }
  EXPECT_EQ(places, (std::set<int>{7, 11, 13, 17})) << "the four neighbours of the centre";
}

TEST(AugmenterTest, ScalesAboutTheCentre) {
  const std::vector<float> image = Blob(kCentreRow + 6, kCentreColumn, 2);
  const double spread = MomentsOf(image).spread;
  const Augmenter augmenter = New(Spec(0, 0, 0.2), {kHeight, kWidth});
  std::vector<float> out(image.size());
  double least = 1, most = 1;
  for (int sample = 0; sample < 300; ++sample) {
    augmenter.Apply(0, sample, image, out);
    const Moments m = MomentsOf(out);
    const double scale = (m.row - kCentreRow) / 6;
    ASSERT_NEAR(m.column, kCentreColumn, 0.01);
    ASSERT_NEAR(std::sqrt(m.spread / spread), scale, 0.05) << "the blob grows as its distance does";
    least = std::min(least, scale);
    most = std::max(most, scale);
  }
  EXPECT_NEAR(least, 0.8, 0.01);
  EXPECT_NEAR(most, 1.2, 0.01);
}

TEST(AugmenterTest, WhatComesFromOutsideIsZero) {
  const std::vector<float> image(20 * 20, 1.0f);
  const Augmenter augmenter = New(Spec(180, 64, 0.9), {20, 20});
  std::vector<float> out(image.size());
  bool empty = false, full = false;
  for (int sample = 0; sample < 500; ++sample) {
    augmenter.Apply(1, sample, image, out);
    const auto [low, high] = std::minmax_element(out.begin(), out.end());
    ASSERT_GE(*low, 0);
    ASSERT_LE(*high, 1 + 1e-6);
    empty = empty || *high == 0;
    full = full || *high > 0.999;
  }
  EXPECT_TRUE(empty);
  EXPECT_TRUE(full);
}

TEST(AugmenterTest, ChannelsChangeAlikeAndDrawsDependOnSeedEpochAndSampleAlone) {
  const std::vector<float> one = Blob(10, 10), two = Blob(25, 18);
  std::vector<float> both = one;
  both.insert(both.end(), two.begin(), two.end());
  const v1::Augmentation spec = Spec(15, 3, 0.1);
  const Augmenter colour = New(spec, {2, kHeight, kWidth}), grey = New(spec, {kHeight, kWidth});
  std::vector<float> out(both.size()), first(one.size()), second(one.size());
  colour.Apply(4, 9, both, out);
  grey.Apply(4, 9, one, first);
  grey.Apply(4, 9, two, second);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), out.begin()));
  EXPECT_TRUE(std::equal(second.begin(), second.end(), out.begin() + kHeight * kWidth));
  const auto with = [&](uint64_t seed, int64_t epoch, int64_t sample) {
    New(spec, {kHeight, kWidth}, seed).Apply(epoch, sample, one, second);
    return second;
  };
  EXPECT_EQ(with(1, 4, 9), first);
  EXPECT_NE(with(2, 4, 9), first);
  EXPECT_NE(with(1, 5, 9), first);
  EXPECT_NE(with(1, 4, 10), first);
}

TEST(AugmenterTest, EachBadFieldIsNamed) {
  const std::vector<int64_t> image = {28, 28};
  for (const auto& [spec, path] : std::vector<std::pair<v1::Augmentation, std::string>>{
           {Spec(180.1, 0, 0), "augmentation.rotation"},
           {Spec(-1, 0, 0), "augmentation.rotation"},
           {Spec(0, 64.5, 0), "augmentation.shift"},
           {Spec(0, std::nan(""), 0), "augmentation.shift"},
           {Spec(0, 0, 0.91), "augmentation.rescale"}}) {
    EXPECT_THAT(Augmenter::Create(spec, image, 1),
                StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(path)));
  }
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{784}, std::vector<int64_t>{2, 3, 28, 28}}) {
    EXPECT_THAT(Augmenter::Create(Spec(1, 0, 0), shape, 1),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::HasSubstr("augmentation: needs images")));
  }
  v1::Augmentation spec;
  spec.set_plain_epochs(4);
  Violations fine, bad;
  Augmenter::Check(spec, 4, "spec.train.", fine);
  EXPECT_TRUE(fine.empty());
  Augmenter::Check(spec, 3, "spec.train.", bad);
  EXPECT_THAT(std::string(bad.ToStatus().message()),
              testing::HasSubstr("spec.train.augmentation.plain_epochs: must be in 0..3"));
}

}  // namespace
}  // namespace torpor
