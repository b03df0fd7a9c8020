#include "engine/lif/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/lif/plan_of.h"
#include "engine/lif/stages.h"
#include "google/protobuf/text_format.h"
#include "tests/support/bad_fields.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Network Network(const std::string& lif) {
  v1::Network network;
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(absl::StrCat("lif { ", lif, " }"), &network));
  return network;
}

constexpr char kDense[] =
    "input { shape: [28, 28] } layers { dense { units: 200 } } "
    "layers { name: 'out' dense { units: 10 } } ";

std::vector<std::string> Wrong(const std::string& lif) {
  return testing::FieldsOf(ResolveLif(Network(lif)).status());
}

TEST(LifDefinitionTest, FillsInWhatIsNotSaid) {
  TORPOR_ASSERT_OK_AND_ASSIGN(const LifDefinition definition, ResolveLif(Network(kDense)));
  EXPECT_EQ(definition.inputs, 784);
  EXPECT_EQ(definition.features(), 784);
  EXPECT_EQ(definition.steps, 25);
  EXPECT_EQ(definition.code, LifCode::kLatency);
  EXPECT_EQ(definition.latency_threshold, 50);
  EXPECT_EQ(definition.order, LifOrder::kImmediate);
  EXPECT_TRUE(definition.integrates);
  ASSERT_EQ(definition.layers.size(), 2u);
  EXPECT_EQ(definition.layers[0].name, "layer0");
  EXPECT_EQ(definition.layers[0].neuron.alpha, 0.7f);
  EXPECT_EQ(definition.layers[0].neuron.threshold, 1);
  EXPECT_DOUBLE_EQ(definition.layers[0].initial_range, std::sqrt(3.0 / 784));
  EXPECT_EQ(definition.classes(), 10);
  EXPECT_EQ(definition.neurons(), 210);
  EXPECT_EQ(definition.synapses(), 784 * 200 + 200 * 10);
}

TEST(LifDefinitionTest, LayersHaveTheNetworksNeuronUnlessTheyHaveTheirOwn) {
  TORPOR_ASSERT_OK_AND_ASSIGN(
      const LifDefinition definition,
      ResolveLif(Network("input { shape: [4] } neuron { alpha: 0.5 delta: 2 } "
                         "layers { dense { units: 3 } neuron { alpha: 0.25 } initial_scale: 2 } "
                         "layers { dense { units: 2 } }")));
  EXPECT_EQ(definition.layers[0].neuron.alpha, 0.25f);
  EXPECT_EQ(definition.layers[0].neuron.delta, 2);
  EXPECT_EQ(definition.layers[1].neuron.alpha, 0.5f);
  EXPECT_DOUBLE_EQ(definition.layers[0].initial_range, 2 * std::sqrt(3.0 / 4));
}

TEST(LifDefinitionTest, SamplesThatAreSpikesBeginWithTheirSteps) {
  TORPOR_ASSERT_OK_AND_ASSIGN(
      const LifDefinition definition,
      ResolveLif(Network("input { shape: [250, 700] } spikes {} read_out: SPIKES order: DELAYED "
                         "layers { dense { units: 400 } } layers { dense { units: 250 } }")));
  EXPECT_EQ(definition.steps, 250);
  EXPECT_EQ(definition.inputs, 700);
  EXPECT_EQ(definition.features(), 175000);
  EXPECT_FALSE(definition.integrates);
  EXPECT_THAT(Wrong("input { shape: [700] } spikes {} layers { dense { units: 2 } }"),
              ElementsAre("lif.input.shape"));
  EXPECT_THAT(Wrong("input { shape: [9, 7] } steps: 8 spikes {} layers { dense { units: 2 } }"),
              ElementsAre("lif.steps"));
  EXPECT_THAT(Wrong("input { shape: [5000, 7] } spikes {} layers { dense { units: 2 } }"),
              ElementsAre("lif.input.shape"));
}

TEST(LifDefinitionTest, ImagesGoThroughConvolutionAndPooling) {
  TORPOR_ASSERT_OK_AND_ASSIGN(
      const LifDefinition definition,
      ResolveLif(Network("input { shape: [28, 28] } layers { conv2d { channels: 16 kernel: 5 } } "
                         "layers { avg_pool2d { kernel: 2 } } layers { flatten {} } "
                         "layers { dense { units: 10 } }")));
  EXPECT_EQ(definition.layers[0].outputs, 16 * 24 * 24);
  EXPECT_EQ(definition.layers[0].fan_in, 25);
  EXPECT_EQ(definition.layers[1].outputs, 16 * 12 * 12);
  EXPECT_FALSE(definition.layers[1].has_weights());
  EXPECT_EQ(definition.layers[3].fan_in, 2304);
  const v1::NetworkDescription description = DescribeLif(definition);
  EXPECT_EQ(description.layers(0).kind(), "conv2d");
  EXPECT_THAT(description.layers(0).output_shape(), ElementsAre(16, 24, 24));
  EXPECT_THAT(description.layers(2).output_shape(), ElementsAre(2304));
  EXPECT_EQ(description.layers(3).activation(), "integrate");
  EXPECT_EQ(description.parameters(), 16 * 25 + 23040);
  EXPECT_EQ(description.multiply_accumulates(), (16 * 25 * 576 + 23040) * 25);
}

TEST(LifDefinitionTest, WrongFieldsAreNamedWithTheirBounds) {
  const std::string dense = kDense;
  EXPECT_THAT(Wrong(dense + "neuron { alpha: 1 }"), ElementsAre("lif.neuron.alpha"));
  EXPECT_THAT(Wrong(dense + "neuron { beta: -0.1 gamma: nan }"),
              ElementsAre("lif.neuron.beta", "lif.neuron.gamma"));
  EXPECT_THAT(Wrong(dense + "neuron { threshold: 0 delta: -1 }"),
              ElementsAre("lif.neuron.delta", "lif.neuron.threshold"));
  // Of which float leaves the excluded end.
  EXPECT_THAT(Wrong(dense + "neuron { beta: 0.99999999999 threshold: 1e-60 }"),
              ElementsAre("lif.neuron.beta", "lif.neuron.threshold"));
  EXPECT_THAT(Wrong(dense + "neuron { delta: 3e38 threshold: 1e7 }"),
              ElementsAre("lif.neuron.delta", "lif.neuron.threshold"));
  for (const char* scale : {"9e-7", "1.1e6", "nan"}) {
    EXPECT_THAT(Wrong(absl::StrCat("input { shape: [4] } layers { dense { units: 2 } "
                                   "initial_scale: ",
                                   scale, " }")),
                ElementsAre("lif.layers[0].initial_scale"));
  }
  EXPECT_THAT(Wrong(dense + "steps: 4097"), ElementsAre("lif.steps"));
  const auto long_trains =
      ResolveLif(Network("input { shape: [10000, 4] } spikes {} layers { dense { units: 2 } }"));
  EXPECT_THAT(std::string(long_trains.status().message()),
              ::testing::HasSubstr("must be 1..4096 steps, got 10000"));
  EXPECT_THAT(Wrong(dense + "steps: 4"), ElementsAre("lif.steps"));
  EXPECT_THAT(Wrong(dense + "step_ms: 0"), ElementsAre("lif.step_ms"));
  EXPECT_THAT(Wrong(dense + "latency { threshold: 255 }"), ElementsAre("lif.latency.threshold"));
  EXPECT_THAT(Wrong(dense + "rate { chance: 0 }"), ElementsAre("lif.rate.chance"));
  EXPECT_THAT(Wrong(dense + "quantization { weight_bits: 1 }"),
              ElementsAre("lif.quantization.weight_bits"));
  EXPECT_THAT(Wrong(dense + "quantization { membrane_bits: 8 }"),
              ElementsAre("lif.quantization.membrane_bits"));
  EXPECT_THAT(Wrong("input { shape: [4] } layers { dense { units: 2 recurrent: true } }"),
              ElementsAre("lif.layers[0].dense.recurrent"));
  EXPECT_THAT(Wrong("input { shape: [4] } layers { dense { units: 0 } }"),
              ElementsAre("lif.layers[0].dense.units"));
  EXPECT_THAT(Wrong("input { shape: [4, 4] } layers { conv2d { channels: 2 kernel: 5 } } "
                    "layers { dense { units: 2 } }"),
              ElementsAre("lif.layers[0].conv2d.kernel", "lif.layers[0].conv2d.kernel"))
      << "height and width";
  EXPECT_THAT(Wrong("input { shape: [4, 4] } layers { avg_pool2d { kernel: 2 } neuron {} } "
                    "layers { dense { units: 2 } }"),
              ElementsAre("lif.layers[0].neuron"));
  EXPECT_THAT(Wrong("input { shape: [4, 4] } layers { flatten {} }"),
              ElementsAre("lif.layers[0].flatten"));
  EXPECT_THAT(Wrong("input { shape: [4] }"), ElementsAre("lif.layers"));
  EXPECT_THAT(Wrong("input { shape: [4] } layers {}"), ElementsAre("lif.layers[0].dense"));
  EXPECT_THAT(ResolveLif(Network(dense + "neuron { alpha: 1 }")).status().message(),
              HasSubstr("must be in [0, 1), got 1"));
}

TEST(LifDefinitionTest, StepsAndValuesOfAllLayersAreBounded) {
  // 2^16 and 2^22 values of the one, 2^22 and 2 of the other: 15 steps of them are below 2^27.
  const std::string image =
      "input { shape: [256, 256] } layers { conv2d { channels: 64 kernel: 1 } } "
      "layers { dense { units: 2 } } ";
  EXPECT_THAT(Wrong(image + "steps: 15"), ::testing::IsEmpty());
  EXPECT_THAT(Wrong(image + "steps: 16"), ElementsAre("lif.steps"));
  EXPECT_THAT(ResolveLif(Network(image + "steps: 16")).status().message(),
              HasSubstr("at most 134217728, got 16 x 8454146, of which 4259840 are of layer0"));
  EXPECT_THAT(Wrong("input { shape: [16, 256, 256] } spikes {} "
                    "layers { conv2d { channels: 64 kernel: 1 } } layers { dense { units: 2 } }"),
              ElementsAre("lif.input.shape"));
  // No layer alone is too much. Flattening keeps nothing.
  std::string many = "input { shape: [1, 512, 512] } steps: 6 ";
  for (int l = 0; l < 41; ++l) many += "layers { conv2d { channels: 1 kernel: 1 } } ";
  EXPECT_THAT(Wrong(many + "layers { flatten {} } layers { dense { units: 2 } }"),
              ::testing::IsEmpty());
  EXPECT_THAT(Wrong(many + "layers { conv2d { channels: 1 kernel: 1 } } layers { conv2d { "
                           "channels: 1 kernel: 1 } } layers { dense { units: 2 } }"),
              ElementsAre("lif.steps"));
}

TEST(LifDefinitionTest, PoolsMayNotMultiplySpikesWithoutBound) {
  const std::string image = "input { shape: [1, 2048, 2048] } steps: 5 ";
  const std::string dense = "layers { dense { units: 10 } } ";
  const std::string wide = "layers { avg_pool2d { kernel: 1024 stride: 1 } } ";
  EXPECT_THAT(Wrong(image + wide + wide + dense), ElementsAre("lif.layers[0].avg_pool2d.stride"));
  EXPECT_THAT(ResolveLif(Network(image + wide + dense)).status().message(),
              HasSubstr("at most 134217728, got 1050625 x 1048576"));
  // 2047 x 2047 windows of 2 x 2 count each spike four times; and what they made, again.
  const std::string narrow = "layers { avg_pool2d { kernel: 2 stride: 1 } } ";
  const std::string once = "input { shape: [1, 2048, 2048] } steps: 1 rate {} ";
  EXPECT_THAT(Wrong(once + narrow + narrow + dense), ::testing::IsEmpty());
  EXPECT_THAT(Wrong(once + narrow + narrow + "layers { flatten {} } " + dense),
              ::testing::IsEmpty());
  EXPECT_THAT(Wrong(once + narrow + narrow + narrow + dense),
              ElementsAre("lif.layers[2].avg_pool2d.stride"));
  // A convolution makes spikes of its own. Windows that do not overlap never make more.
  TORPOR_ASSERT_OK_AND_ASSIGN(
      const LifDefinition definition,
      ResolveLif(Network(absl::StrCat(
          "input { shape: [1, 16, 16] } layers { avg_pool2d { kernel: 2 stride: 1 } } "
          "layers { avg_pool2d { kernel: 3 } } layers { conv2d { channels: 1 kernel: 2 } } "
          "layers { avg_pool2d { kernel: 2 } } layers { flatten {} } ",
          dense))));
  std::vector<int64_t> repeats, values;
  for (const LifLayerShape& layer : definition.layers) {
    repeats.push_back(layer.repeats);
    values.push_back(layer.step_values());
  }
  EXPECT_THAT(repeats, ElementsAre(4, 36, 1, 4, 4, 1));
  EXPECT_THAT(values, ElementsAre(256 + 4 * 225, 225 + 36 * 25, 25 + 16, 16 + 4 * 4, 0, 4 + 10));
  EXPECT_EQ(StepValues(PlanOf(definition, {})), definition.step_values());
  std::string tiles = "input { shape: [1, 4096, 4096] } steps: 1 rate {} ";
  for (int l = 0; l < 3; ++l) tiles += "layers { avg_pool2d { kernel: 16 } } ";
  EXPECT_THAT(Wrong(tiles + dense), ::testing::IsEmpty());
}

TEST(LifDefinitionTest, WorkOfAStepIsBounded) {
  const std::string image = "input { shape: [1, 2048, 2048] } steps: 5 ";
  const std::string rest = "layers { avg_pool2d { kernel: 512 } } layers { dense { units: 10 } } ";
  EXPECT_THAT(Wrong(image + "layers { conv2d { channels: 1 kernel: 512 } } " + rest),
              ElementsAre("lif.layers[0].conv2d"));
  EXPECT_THAT(ResolveLif(Network(image + "layers { conv2d { channels: 1 kernel: 512 } } " + rest))
                  .status()
                  .message(),
              HasSubstr("at most 17179869184, are 619280859136 with this layer"));
  EXPECT_THAT(Wrong(image + "layers { conv2d { channels: 1 kernel: 32 } } " + rest),
              ::testing::IsEmpty());
}

TEST(LifDefinitionTest, WarnsOfSpikesThatNeverArrive) {
  const std::string late = absl::StrCat(kDense, "order: DELAYED rate {} ");
  TORPOR_ASSERT_OK_AND_ASSIGN(const LifDefinition four, ResolveLif(Network(late + "steps: 4")));
  EXPECT_THAT(LifWarnings(four), ElementsAre(HasSubstr("lif.steps")));
  TORPOR_ASSERT_OK_AND_ASSIGN(const LifDefinition five, ResolveLif(Network(late + "steps: 5")));
  EXPECT_TRUE(LifWarnings(five).empty());
}

}  // namespace
}  // namespace torpor
