// Pooled spikes and errors against means over windows.
#include "engine/lif/pooling.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

// body(pooled unit, unit below), both numbered (channel, row, column), for each of each window.
template <typename Body>
void ForEachOfWindows(const LifPoolShape& s, Body body) {
  const int rows = (s.below.height - s.kernel_height) / s.stride_height + 1;
  const int columns = (s.below.width - s.kernel_width) / s.stride_width + 1;
  for (int c = 0; c < s.below.channels; ++c) {
    for (int y = 0; y < rows; ++y) {
      for (int x = 0; x < columns; ++x) {
        for (int i = 0; i < s.kernel_height; ++i) {
          for (int j = 0; j < s.kernel_width; ++j) {
            body((c * rows + y) * columns + x,
                 (c * s.below.height + y * s.stride_height + i) * s.below.width +
                     x * s.stride_width + j);
          }
        }
      }
    }
  }
}

class PoolingTest : public ::testing::TestWithParam<LifPoolShape> {
 protected:
  static constexpr int kSteps = 4;
  PoolingTest() : pooling_(GetParam()) {
    RandomStream random(5, RandomPurpose::kTest);
    const auto units = static_cast<size_t>(pooling_.below().units());
    for (int n = 0; n < kSteps; ++n) {
      border_.emplace_back(units);
      for (size_t i = 0; i < units; ++i) {
        // Pooled already: up to three a unit and step.
        for (uint64_t k = random.NextBelow(4); k > 0; --k) {
          border_.back()[i] += 1;
          spikes_.index.push_back(UnitOf(pooling_.below(), static_cast<uint32_t>(i)));
        }
      }
      spikes_.EndStep();
    }
  }
  std::vector<float> Means(const std::vector<float>& image) const {
    std::vector<float> means(static_cast<size_t>(pooling_.pooled().units()));
    ForEachOfWindows(GetParam(), [&](int pooled, int below) {
      means[static_cast<size_t>(pooled)] += image[static_cast<size_t>(below)] * pooling_.scale();
    });
    return means;
  }

  LifPooling pooling_;
  // By step, in the border's order.
  std::vector<std::vector<float>> border_;
  LifSpikes spikes_;
};

TEST_P(PoolingTest, CountsTimesScaleAreMeans) {
  LifSpikes pooled;
  pooled.index = {1, 2, 3};
  pooling_.Pool(spikes_, pooled);
  ASSERT_EQ(pooled.steps(), kSteps);
  ASSERT_EQ(pooled.begin.back(), pooled.size());
  for (int n = 0; n < kSteps; ++n) {
    const std::vector<float> expected = Means(border_[static_cast<size_t>(n)]);
    std::vector<float> counts(expected.size());
    for (const uint32_t event : pooled.At(n)) ++counts.at(event);
    for (uint32_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(counts[UnitOf(pooling_.pooled(), i)] * pooling_.scale(), expected[i], 1e-5);
    }
  }
}

TEST_P(PoolingTest, CurrentsAreSummed) {
  const std::vector<float>& image = border_[0];
  std::vector<float> units(image.size()), expected = Means(image), pooled(expected.size(), 7.0f);
  UnitsFromBorder<float>(pooling_.below(), image, units);
  pooling_.PoolCurrents(units, pooled);
  for (uint32_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(pooled[UnitOf(pooling_.pooled(), i)] * pooling_.scale(), expected[i], 1e-5);
  }
}

TEST_P(PoolingTest, ErrorsGoBackToEachUnitOfTheWindow) {
  const int units = pooling_.below().units();
  RandomStream random(6, RandomPurpose::kTest);
  Matrix errors(kSteps, pooling_.pooled().units());
  for (float& e : errors.reshaped()) e = static_cast<float>(random.NextBelow(1000));
  // Rows apart, and full of what was there before.
  Matrix below = Matrix::Constant(kSteps, units + 5, 1e30f);
  pooling_.BelowErrors(View(static_cast<const Matrix&>(errors)),
                       MatrixView(below.data(), kSteps, units, Eigen::OuterStride<>(units + 5)));
  for (int n = 0; n < kSteps; ++n) {
    std::vector<float> expected(static_cast<size_t>(units));
    ForEachOfWindows(GetParam(), [&](int pooled, int unit) {
      expected[static_cast<size_t>(unit)] +=
          errors(n, UnitOf(pooling_.pooled(), static_cast<uint32_t>(pooled)));
    });
    for (uint32_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(below(n, UnitOf(pooling_.below(), i)), expected[i]);
    }
    for (int i = units; i < units + 5; ++i) ASSERT_EQ(below(n, i), 1e30f);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PoolingTest,
    ::testing::Values(
        // Tiles; a rest that is left out; windows that overlap; gaps between them; the whole.
        LifPoolShape{{3, 6, 4}, 2, 2, 2, 2}, LifPoolShape{{2, 7, 5}, 2, 3, 2, 3},
        LifPoolShape{{2, 7, 6}, 3, 3, 2, 1}, LifPoolShape{{1, 9, 8}, 2, 1, 3, 4},
        LifPoolShape{{5, 3, 4}, 3, 4, 3, 4}, LifPoolShape{{16, 4, 4}, 1, 1, 1, 1},
        // Tiling one way and overlapping the other.
        LifPoolShape{{2, 4, 5}, 2, 2, 2, 1},
        // Units that many windows see.
        LifPoolShape{{2, 9, 11}, 4, 5, 1, 2}));

TEST(Pooling, KeepsTheOrderOfSpikes) {
  const LifPooling pooling({{1, 2, 4}, 2, 2, 2, 2});
  LifSpikes spikes, pooled;
  spikes.index = {7, 0, 5, 2};
  spikes.EndStep();
  spikes.EndStep();
  pooling.Pool(spikes, pooled);
  EXPECT_EQ(pooled.index, (std::vector<uint32_t>{1, 0, 0, 1}));
  EXPECT_EQ(pooled.begin, (std::vector<int32_t>{0, 4, 4}));
}

// A list of all targets would have an entry for each place of each window, 2^36 here.
TEST(Pooling, LargeWindowsThatOverlapNeedNoList) {
  const LifPooling pooling({{1, 1024, 1024}, 512, 512, 1, 1});
  LifSpikes spikes, pooled;
  spikes.index = {0, 1025, 1024 * 1024 - 1, 300 * 1024 + 2};
  spikes.EndStep();
  pooling.Pool(spikes, pooled);
  // The first windows' corners: (0, 0); (1, 1); the last one's; (300, 2).
  ASSERT_EQ(pooled.size(), 1 + 4 + 1 + 301 * 3);
  EXPECT_EQ(std::vector<uint32_t>(pooled.index.begin(), pooled.index.begin() + 6),
            (std::vector<uint32_t>{0, 0, 1, 513, 514, 513 * 513 - 1}));
  EXPECT_EQ(pooled.index.back(), 300u * 513 + 2);
}

TEST(Pooling, FactorsOfPoolsMultiply) {
  const LifPooling first({{1, 12, 12}, 2, 2, 2, 2}), second({first.pooled(), 3, 3, 3, 3});
  LifSpikes spikes, once, twice;
  for (uint32_t i = 0; i < 144; ++i) spikes.index.push_back(i);
  spikes.EndStep();
  first.Pool(spikes, once);
  second.Pool(once, twice);
  std::vector<float> counts(4);
  for (const uint32_t event : twice.At(0)) ++counts.at(event);
  // Where all units spike, so does every mean.
  for (const float c : counts) EXPECT_FLOAT_EQ(c * first.scale() * second.scale(), 1);
}

}  // namespace
}  // namespace torpor
