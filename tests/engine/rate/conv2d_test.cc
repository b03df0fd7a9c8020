// Convolution of one sample, forward and back, against its definition.
#include "engine/rate/conv2d.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "gtest/gtest.h"
#include "tests/support/convnets.h"

namespace torpor {
namespace {

using testing::ConvnetOf;
using testing::ForEachUse;

std::vector<float> Random(size_t n, uint64_t seed) {
  std::vector<float> values(n);
  RandomStream random(seed, RandomPurpose::kTest);
  for (float& value : values) value = 2 * random.NextFloat() - 1;
  return values;
}

struct Case {
  std::string input;
  int channels;
  std::string kernel, stride, padding;
};

class Conv2dTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    const auto shapes = ResolveRateNetwork(ConvnetOf(
        c.input, absl::StrCat("layers { conv2d { channels: ", c.channels, " kernel: [", c.kernel,
                              "] stride: [", c.stride, "] padding: [", c.padding,
                              "] } activation: RELU } layers { dense { units: 2 } activation: "
                              "LINEAR }")));
    ASSERT_TRUE(shapes.ok()) << shapes.status();
    shape_ = (*shapes)[0];
    weight_ = Random(static_cast<size_t>(shape_.synapses()), 1);
    sample_ = Random(static_cast<size_t>(shape_.inputs), 2);
    delta_ = Random(static_cast<size_t>(shape_.outputs), 3);
  }
  RateLayerShape shape_;
  std::vector<float> weight_, sample_, delta_;
};

constexpr float kGarbage = 1e30f;

TEST_P(Conv2dTest, ProductsAreTheSumsOverWindows) {
  std::vector<double> expected(static_cast<size_t>(shape_.outputs));
  ForEachUse(shape_, [&](int unit, int place, int weight, int input) {
    if (input < 0) return;
    expected[static_cast<size_t>(unit * shape_.places + place)] +=
        static_cast<double>(weight_[static_cast<size_t>(unit * shape_.fan_in + weight)]) *
        sample_[static_cast<size_t>(input)];
  });
  const Conv2d conv(shape_);
  // Memory that another sample left behind must not matter.
  std::vector<float> image(static_cast<size_t>(conv.image_size()), kGarbage);
  std::vector<float> sums(static_cast<size_t>(conv.sums_size()), kGarbage);
  std::vector<float> out(static_cast<size_t>(shape_.outputs));
  conv.Spread(sample_, image.data());
  ASSERT_TRUE(conv.Products(weight_, image.data(), sums.data(), Cancellation()).ok());
  conv.Gather(sums.data(), out);
  for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 3e-5) << i;
}

TEST_P(Conv2dTest, BackwardIsTheTransposedSum) {
  std::vector<double> expected(static_cast<size_t>(shape_.inputs));
  ForEachUse(shape_, [&](int unit, int place, int weight, int input) {
    if (input < 0) return;
    expected[static_cast<size_t>(input)] +=
        static_cast<double>(weight_[static_cast<size_t>(unit * shape_.fan_in + weight)]) *
        delta_[static_cast<size_t>(unit * shape_.places + place)];
  });
  const Conv2d conv(shape_);
  std::vector<float> turned(static_cast<size_t>(conv.turned_size()));
  std::vector<float> spread(static_cast<size_t>(conv.delta_size()), kGarbage);
  std::vector<float> gradient(static_cast<size_t>(conv.image_gradient_size()), kGarbage);
  std::vector<float> out(static_cast<size_t>(shape_.inputs), kGarbage);
  conv.Turn(weight_, turned.data());
  conv.SpreadDelta(delta_, spread.data());
  conv.Backward(turned.data(), spread.data(), gradient.data(), out);
  for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 3e-5) << i;
}

TEST_P(Conv2dTest, WeightGradientSumsOverPlacesAndSamples) {
  const std::vector<float> other = Random(static_cast<size_t>(shape_.inputs), 4);
  const std::vector<float> other_delta = Random(static_cast<size_t>(shape_.outputs), 5);
  std::vector<double> expected(weight_.size(), 0.5);
  ForEachUse(shape_, [&](int unit, int place, int weight, int input) {
    if (input < 0) return;
    const size_t out = static_cast<size_t>(unit * shape_.places + place);
    const size_t in = static_cast<size_t>(input);
    expected[static_cast<size_t>(unit * shape_.fan_in + weight)] +=
        static_cast<double>(sample_[in]) * delta_[out] +
        static_cast<double>(other[in]) * other_delta[out];
  });
  const Conv2d conv(shape_);
  std::vector<float> images(2 * static_cast<size_t>(conv.image_size()), kGarbage);
  std::vector<float> deltas(2 * static_cast<size_t>(conv.delta_size()), kGarbage);
  conv.Spread(sample_, images.data());
  conv.Spread(other, images.data() + conv.image_size());
  conv.SpreadDelta(delta_, deltas.data());
  conv.SpreadDelta(other_delta, deltas.data() + conv.delta_size());
  std::vector<float> gradient(weight_.size(), 0.5f);
  conv.AddWeightGradient(2, images.data(), deltas.data(), gradient.data());
  for (size_t i = 0; i < gradient.size(); ++i) {
    ASSERT_NEAR(gradient[i], expected[i], 2e-5 * std::sqrt(shape_.places)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Conv2dTest,
    ::testing::Values(Case{"1, 28, 28", 6, "5", "", "2"}, Case{"6, 14, 14", 16, "5", "", ""},
                      Case{"1, 1, 1", 1, "1", "", ""}, Case{"3, 5, 5", 7, "5", "", ""},
                      Case{"2, 7, 9", 5, "3, 2", "", "1, 0"}, Case{"2, 7, 9", 4, "3", "2", ""},
                      Case{"3, 11, 8", 13, "4, 3", "3, 2", "1, 2"},
                      Case{"1, 17, 40", 2, "2", "5", ""}, Case{"1, 6, 6", 3, "1", "4", ""},
                      Case{"2, 3, 33", 9, "3, 7", "1, 3", "2, 6"}, Case{"1, 2, 2", 2, "4", "", "1"},
                      Case{"5, 9, 9", 1, "2", "2", "1"}));

TEST(Conv2dCancellationTest, IsLookedAtWithinOneSample) {
  const auto shapes = ResolveRateNetwork(
      ConvnetOf("8, 128, 128", R"(layers { conv2d { channels: 64 kernel: 9 padding: 4 }
                                           activation: RELU }
                                  layers { max_pool2d { kernel: 16 } }
                                  layers { dense { units: 2 } activation: LINEAR })"));
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  const Conv2d conv((*shapes)[0]);
  const std::vector<float> weight(static_cast<size_t>((*shapes)[0].synapses()));
  const std::vector<float> image(static_cast<size_t>(conv.image_size()));
  std::vector<float> sums(static_cast<size_t>(conv.sums_size()));
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ(conv.Products(weight, image.data(), sums.data(), cancellation).code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace torpor
