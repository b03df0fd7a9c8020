// Definitions with convolution and pooling, good and bad.
#include "engine/rate/image_layers.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/convnets.h"

namespace torpor {
namespace {

using testing::ConvnetOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallConvnet;

constexpr char kOut[] = " layers { dense { units: 10 } activation: LINEAR }";

std::string ErrorOf(const std::string& input, const std::string& layers) {
  const absl::Status status = ResolveRateNetwork(ConvnetOf(input, layers)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << input << " " << layers;
  return std::string(status.message());
}

std::string ConvError(const std::string& conv, const std::string& input = "1, 8, 6") {
  return ErrorOf(input, absl::StrCat("layers { conv2d { ", conv, " } activation: RELU }", kOut));
}

TEST(ImageLayersTest, ShapesChain) {
  const auto shapes = ResolveRateNetwork(SmallConvnet());
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  std::vector<int> outputs, places, fan_in, inputs;
  for (const RateLayerShape& shape : *shapes) {
    inputs.push_back(shape.inputs);
    outputs.push_back(shape.outputs);
    places.push_back(shape.places);
    fan_in.push_back(shape.fan_in);
  }
  EXPECT_THAT(inputs, ElementsAre(144, 216, 48, 30, 20, 20));
  EXPECT_THAT(outputs, ElementsAre(216, 48, 30, 20, 20, 4));
  EXPECT_THAT(places, ElementsAre(72, 1, 6, 1, 1, 1));
  EXPECT_THAT(fan_in, ElementsAre(18, 0, 18, 0, 0, 20));
}

TEST(ImageLayersTest, DescriptionCountsSharedWeightsOnce) {
  const v1::Network network = SmallConvnet();
  const auto shapes = ResolveRateNetwork(network);
  ASSERT_TRUE(shapes.ok());
  const v1::NetworkDescription description = DescribeRateNetwork(network, *shapes);
  EXPECT_EQ(description.layers(0).kind(), "conv2d");
  EXPECT_EQ(description.layers(1).kind(), "max_pool2d");
  EXPECT_EQ(description.layers(3).kind(), "avg_pool2d");
  EXPECT_EQ(description.layers(4).kind(), "flatten");
  EXPECT_THAT(description.layers(0).output_shape(), ElementsAre(3, 9, 8));
  EXPECT_THAT(description.layers(1).input_shape(), ElementsAre(3, 9, 8));
  EXPECT_THAT(description.layers(4).input_shape(), ElementsAre(5, 2, 2));
  EXPECT_THAT(description.layers(4).output_shape(), ElementsAre(20));
  EXPECT_EQ(description.layers(0).synapses(), 3 * 2 * 9);
  EXPECT_EQ(description.layers(0).biases(), 3);
  EXPECT_EQ(description.layers(1).synapses() + description.layers(1).biases(), 0);
  EXPECT_EQ(description.layers(1).activation(), "");
  EXPECT_EQ(description.parameters(), 54 + 3 + 5 * 18 + 5 + 4 * 20 + 4);
  EXPECT_EQ(description.multiply_accumulates(), 54 * 72 + 90 * 6 + 80);
}

TEST(ImageLayersTest, ImagesWithoutAChannelHaveOne) {
  const auto shapes = ResolveRateNetwork(ConvnetOf(
      "28, 28",
      absl::StrCat("layers { conv2d { channels: 2 kernel: 5 } activation: RELU }", kOut)));
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  EXPECT_EQ((*shapes)[0].input_image.channels, 1);
  EXPECT_EQ((*shapes)[0].fan_in, 25);
}

TEST(ImageLayersTest, PlainListsAreRefusedWithAWayOut) {
  EXPECT_EQ(ConvError("channels: 2 kernel: 5", "784"),
            "rate.layers[0].conv2d: needs an image, and rate.input.shape is [784]; declare [1, 28, "
            "28] or [28, 28]: data with 784 values fits both");
  EXPECT_THAT(ConvError("channels: 2 kernel: 5", "50"), HasSubstr("[channels, height, width]"));
  EXPECT_THAT(ErrorOf("4, 4", absl::StrCat("layers { dense { units: 16 } activation: RELU } layers "
                                           "{ max_pool2d { kernel: 2 } }",
                                           kOut)),
              HasSubstr("rate.layers[1].max_pool2d: needs an image"));
}

TEST(ImageLayersTest, WindowsAreChecked) {
  EXPECT_THAT(ConvError("channels: 2 kernel: 7"),
              HasSubstr("rate.layers[0].conv2d.kernel: must be at most the input's width of 6"));
  EXPECT_THAT(ConvError("channels: 2 kernel: [11, 3] padding: 1"),
              HasSubstr("the input's height of 8 with padding 1 on each side, got 11"));
  EXPECT_THAT(ConvError("channels: 2"), HasSubstr("conv2d.kernel: must have one value, or two"));
  EXPECT_THAT(ConvError("channels: 2 kernel: [1, 2, 3]"), HasSubstr("conv2d.kernel: must have"));
  EXPECT_THAT(ConvError("channels: 2 kernel: 0"), HasSubstr("conv2d.kernel: must be in 1..1024"));
  EXPECT_THAT(ConvError("channels: 2 kernel: [3, 1025]"),
              HasSubstr("conv2d.kernel[1]: must be in"));
  EXPECT_THAT(ConvError("channels: 2 kernel: 3 stride: 0"),
              HasSubstr("conv2d.stride: must be in 1..1024, got 0"));
  EXPECT_THAT(ConvError("channels: 2 kernel: 3 stride: [1, -2]"), HasSubstr("conv2d.stride[1]"));
  EXPECT_THAT(ConvError("channels: 2 kernel: [3, 2] padding: 2"),
              HasSubstr("conv2d.padding: must be below the kernel, 3 x 2, got 2 x 2"));
  EXPECT_THAT(ConvError("channels: 2 kernel: 3 padding: -1"), HasSubstr("conv2d.padding: must be"));
  EXPECT_THAT(ConvError("kernel: 3"), HasSubstr("conv2d.channels: must be in 1..65536, got 0"));
  EXPECT_THAT(ErrorOf("8, 6", absl::StrCat("layers { avg_pool2d { kernel: 9 } }", kOut)),
              HasSubstr("rate.layers[0].avg_pool2d.kernel: must be at most the input's height"));
  EXPECT_THAT(ErrorOf("8, 6", absl::StrCat("layers { max_pool2d { kernel: 2 stride: 0 } }", kOut)),
              HasSubstr("rate.layers[0].max_pool2d.stride"));
}

TEST(ImageLayersTest, SizesAreRefusedBeforeAllocation) {
  EXPECT_THAT(ConvError("channels: 65536 kernel: 3 padding: 1", "1, 512, 512"),
              HasSubstr("conv2d.channels: the layer's output must have at most 16777216 values"));
  EXPECT_THAT(ConvError("channels: 65536 kernel: 8", "1024, 8, 8"),
              HasSubstr("conv2d.channels: channels times the weights of one must be at most"));
  EXPECT_THAT(ConvError("channels: 65536 kernel: 1024 stride: 1024 padding: 1023", "1, 2, 2"),
              HasSubstr("must be at most 268435456"));
  EXPECT_THAT(ConvError("channels: 256 kernel: [1000, 1]", "1, 1000, 16384"),
              HasSubstr("rate.layers[0].conv2d.padding: channels times the padded input's"));
}

TEST(ImageLayersTest, ActivationsBelongToWeights) {
  EXPECT_THAT(
      ErrorOf("4, 4", absl::StrCat("layers { max_pool2d { kernel: 2 } activation: RELU }", kOut)),
      HasSubstr("rate.layers[0].activation: pooling and flatten have no activation"));
  EXPECT_THAT(ConvError("channels: 1 kernel: 1 } activation: SOFTMAX } layers { conv2d { "
                        "channels: 1 kernel: 1"),
              HasSubstr("rate.layers[0].activation: SOFTMAX is for the last layer only"));
}

TEST(ImageLayersTest, TheLastLayerIsDense) {
  EXPECT_THAT(ErrorOf("4, 4", "layers { conv2d { channels: 2 kernel: 4 } activation: RELU }"),
              HasSubstr("rate.layers[0].conv2d: the last layer must be dense"));
  EXPECT_THAT(ErrorOf("4, 4", "layers { flatten {} }"), HasSubstr("rate.layers[0].flatten"));
}

}  // namespace
}  // namespace torpor
