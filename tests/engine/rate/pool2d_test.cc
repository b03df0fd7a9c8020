// Pooling of one sample against plain loops.
#include "engine/rate/pool2d.h"

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/convnets.h"

namespace torpor {
namespace {

using testing::ConvnetOf;
using ::testing::ElementsAre;

RateLayerShape PoolOf(const std::string& input, const std::string& kind,
                      const std::string& windows) {
  const auto shapes = ResolveRateNetwork(
      ConvnetOf(input, absl::StrCat("layers { ", kind, " { ", windows,
                                    " } } layers { dense { units: 2 } activation: LINEAR }")));
  TORPOR_CHECK(shapes.ok());
  return (*shapes)[0];
}

TEST(Pool2dTest, BothDirectionsEqualPlainLoops) {
  for (const char* kind : {"avg_pool2d", "max_pool2d"}) {
    for (const auto& [input, windows] : std::vector<std::pair<std::string, std::string>>{
             {"6, 28, 28", "kernel: 2"},
             {"3, 5, 7", "kernel: 2"},
             {"2, 9, 10", "kernel: 3"},
             {"2, 9, 10", "kernel: 3 stride: 2"},
             {"2, 9, 40", "kernel: [2, 2] stride: [1, 2]"},
             {"1, 8, 9", "kernel: [1, 4] stride: [3, 1]"},
             {"1, 12, 12", "kernel: 2 stride: 5"},
             {"4, 3, 3", "kernel: 3"},
             {"1, 1, 1", "kernel: 1"}}) {
      SCOPED_TRACE(absl::StrCat(kind, " of ", input, ", ", windows));
      const RateLayerShape shape = PoolOf(input, kind, windows);
      const size_t in = static_cast<size_t>(shape.inputs);
      const size_t out = static_cast<size_t>(shape.outputs);
      RandomStream random(1, RandomPurpose::kTest);
      std::vector<float> inputs(in), delta(out);
      // Few values, so that many windows have ties.
      for (float& u : inputs) u = static_cast<float>(random.NextBelow(4)) / 4;
      for (float& d : delta) d = random.NextFloat();
      std::vector<float> x(out), plain_x(out);
      PoolForward(shape, inputs, x);
      ReferencePoolForward(shape, inputs, plain_x);
      for (size_t i = 0; i < out; ++i) ASSERT_NEAR(x[i], plain_x[i], 1e-6);
      std::vector<float> back(in, 1e30f), plain_back(in, 1e30f);
      PoolBackward(shape, inputs, x, delta, back);
      ReferencePoolBackward(shape, inputs, delta, plain_back);
      for (size_t j = 0; j < in; ++j) ASSERT_NEAR(back[j], plain_back[j], 1e-6) << j;
    }
  }
}

TEST(Pool2dTest, TheFirstOfEqualValuesTakesTheDelta) {
  for (const char* windows : {"kernel: 2", "kernel: 2 stride: [2, 1]"}) {
    const RateLayerShape shape = PoolOf("1, 2, 2", "max_pool2d", windows);
    std::vector<float> x(1), back(4);
    for (const auto& [inputs, first] : std::vector<std::pair<std::vector<float>, size_t>>{
             {{3, 3, 3, 3}, 0}, {{1, 3, 3, 3}, 1}, {{1, 2, 3, 3}, 2}, {{-4, -3, -2, -1}, 3}}) {
      PoolForward(shape, inputs, x);
      PoolBackward(shape, inputs, x, std::vector<float>{5}, back);
      std::vector<float> expected(4);
      expected[first] = 5;
      EXPECT_EQ(back, expected);
    }
  }
}

TEST(Pool2dTest, WindowsThatDoNotFitAreLeftOut) {
  const RateLayerShape shape = PoolOf("1, 3, 5", "avg_pool2d", "kernel: 2");
  EXPECT_EQ(shape.outputs, 2);
  std::vector<float> x(2);
  PoolForward(shape, std::vector<float>{1, 2, 3, 4, 9, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9}, x);
  EXPECT_THAT(x, ElementsAre(3.5f, 5.5f));
}

}  // namespace
}  // namespace torpor
