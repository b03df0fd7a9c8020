#include "engine/truenorth/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/bad_fields.h"
#include "tests/support/core_grids.h"

namespace torpor {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

GridPlan PlanOf(const v1::Network& network) {
  auto plan = PlanGrid(network.truenorth());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : GridPlan();
}

std::vector<int> CoresByLayer(const GridPlan& plan) {
  std::vector<int> cores;
  for (const CoreLayerPlan& layer : plan.layers)
    cores.push_back(static_cast<int>(layer.cores.size()));
  return cores;
}

std::vector<int> NeuronsByLayer(const GridPlan& plan) {
  std::vector<int> neurons;
  for (const CoreLayerPlan& layer : plan.layers) neurons.push_back(layer.neurons);
  return neurons;
}

// The paper's table 1, and what follows from it (axons, neurons, sites).
TEST(PlanTest, SmallIsFiveCores) {
  const GridPlan plan = PlanOf(testing::SmallGrid());
  EXPECT_EQ(plan.cores(), 5);
  EXPECT_THAT(CoresByLayer(plan), ElementsAre(4, 1));
  EXPECT_THAT(NeuronsByLayer(plan), ElementsAre(256, 250));
  EXPECT_EQ(plan.sites(), 129536);
  EXPECT_EQ(plan.features, 784);
  EXPECT_EQ(plan.classes, 10);
  EXPECT_EQ(plan.neurons_per_class, 25);
  EXPECT_EQ(plan.ticks, 16);
  EXPECT_EQ(plan.layers[0].fan_out, 1);
  EXPECT_EQ(plan.layers[1].fan_out, 0);
  EXPECT_EQ(plan.layers[0].inputs, 784);
  EXPECT_EQ(plan.layers[1].inputs, 256);
}

TEST(PlanTest, LargeIsThirtyCores) {
  const GridPlan plan = PlanOf(testing::LargeGrid());
  EXPECT_EQ(plan.cores(), 30);
  EXPECT_THAT(CoresByLayer(plan), ElementsAre(16, 9, 4, 1));
  EXPECT_THAT(NeuronsByLayer(plan), ElementsAre(2304, 1024, 256, 250));
  EXPECT_EQ(plan.sites(), 981504);
  // 64 neurons for each block that a core lies in: a corner, an edge, inside.
  EXPECT_EQ(plan.layers[0].cores[0].neurons, 64);
  EXPECT_EQ(plan.layers[0].cores[1].neurons, 128);
  EXPECT_EQ(plan.layers[0].cores[5].neurons, 256);
  EXPECT_EQ(plan.layers[0].fan_out, 4);
  EXPECT_EQ(plan.layers[2].fan_out, 1);
}

TEST(PlanTest, AllOutputsOfACoreMayVote) {
  v1::Network network = testing::LargeGrid();
  network.mutable_truenorth()->set_classes(16);
  EXPECT_EQ(PlanOf(network).sites(), 983040);
  EXPECT_EQ(PlanOf(network).neurons_per_class, 16);
}

TEST(PlanTest, PixelsOfABlockAreInRowOrder) {
  const GridPlan plan = PlanOf(testing::SmallGrid());
  const CorePlan& core = plan.layers[0].cores[3];  // block [1, 1]: rows and columns 12..27
  ASSERT_EQ(core.axons(), 256);
  EXPECT_EQ(core.row, 1);
  EXPECT_EQ(core.column, 1);
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(core.sources[static_cast<size_t>(i)], (12 + i / 16) * 28 + 12 + i % 16);
  }
}

TEST(PlanTest, ChannelsComeOneAfterTheOther) {
  const GridPlan plan = PlanOf(testing::CoreGrid(
      "input { shape: [3, 5, 4] } layers { block: 4 stride: 1 } classes: 2 output_neurons: 2"));
  ASSERT_THAT(CoresByLayer(plan), ElementsAre(2));
  const CorePlan& below = plan.layers[0].cores[1];
  ASSERT_EQ(below.axons(), 48);
  EXPECT_EQ(below.sources[0], 4);            // channel 0, row 1, column 0
  EXPECT_EQ(below.sources[17], 20 + 4 + 1);  // channel 1, row 1, column 1
  EXPECT_EQ(below.sources[47], 59);
  // Both cores of the last layer vote.
  EXPECT_EQ(plan.neurons_per_class, 2);
  EXPECT_EQ(plan.features, 60);
}

// A neuron's spike goes to one axon; no axon of an upper layer is left without, and axons of a core
// come by source in row-major order.
TEST(PlanTest, EveryNeuronDrivesOneAxon) {
  for (const v1::Network& network :
       {testing::SmallGrid(), testing::LargeGrid(), testing::TinyGrid(),
        testing::CoreGrid("input { shape: [12, 10] } layers { block: 2 stride: 2 } "
                          "layers { block: 3 stride: 1 } layers { block: 1 stride: 1 }")}) {
    const GridPlan plan = PlanOf(network);
    for (size_t l = 1; l < plan.layers.size(); ++l) {
      const CoreLayerPlan& below = plan.layers[l - 1];
      std::map<int, int> driven;
      std::vector<int> source_core(static_cast<size_t>(below.neurons));
      for (size_t k = 0; k < below.cores.size(); ++k) {
        const CorePlan& core = below.cores[k];
        std::fill_n(source_core.begin() + core.first_neuron, core.neurons, static_cast<int>(k));
        EXPECT_LE(core.neurons, kCoreNeurons);
      }
      for (const CorePlan& core : plan.layers[l].cores) {
        EXPECT_LE(core.axons(), kCoreAxons);
        std::vector<int> cores;
        for (const int32_t source : core.sources) {
          ++driven[source];
          cores.push_back(source_core[static_cast<size_t>(source)]);
        }
        EXPECT_TRUE(std::is_sorted(cores.begin(), cores.end()));
        const int share = kCoreAxons / (plan.layers[l].block * plan.layers[l].block);
        EXPECT_EQ(core.axons(), share * plan.layers[l].block * plan.layers[l].block);
        EXPECT_EQ(std::count(cores.begin(), cores.end(), cores.front()), share);
        EXPECT_EQ(cores.front(), core.row * plan.layers[l].stride * below.columns +
                                     core.column * plan.layers[l].stride);
      }
      EXPECT_EQ(driven.size(), static_cast<size_t>(below.neurons));
      for (const auto& [neuron, axons] : driven) EXPECT_EQ(axons, 1) << neuron;
    }
  }
}

TEST(PlanTest, FirstDestinationsNeuronsComeFirst) {
  const GridPlan plan = PlanOf(testing::LargeGrid());
  // Core 1 of the first layer lies in blocks 0 and 1 of the second.
  const CorePlan& source = plan.layers[0].cores[1];
  const std::vector<int32_t>& first = plan.layers[1].cores[0].sources;
  const std::vector<int32_t>& second = plan.layers[1].cores[1].sources;
  EXPECT_EQ(first[64], source.first_neuron);
  EXPECT_EQ(second[0], source.first_neuron + 64);
}

TEST(StrengthTest, TablesAreThePapers) {
  EXPECT_THAT(StrengthTable(v1::Template::SIGNS, 0, 10), ElementsAre(1, 1, -1, -1));
  EXPECT_THAT(StrengthTable(v1::Template::SIGNS, 19, 10), ElementsAre(1, -1, 1, -1));
  EXPECT_THAT(StrengthTable(v1::Template::SIGNS, 59, 10), ElementsAre(-1, -1, 1, 1));
  EXPECT_THAT(StrengthTable(v1::Template::SIGNS, 60, 10), ElementsAre(1, 1, -1, -1));
  EXPECT_THAT(StrengthTable(v1::Template::SIGNS_AND_DOUBLES, 9, 10), ElementsAre(-2, -1, 1, 2));
  EXPECT_THAT(StrengthTable(v1::Template::SIGNS_AND_DOUBLES, 10, 10), ElementsAre(-1, 1, 2, -2));
  EXPECT_EQ(Strength(v1::Template::SIGNS, 5, 10, 10), -1);
  std::set<std::vector<int8_t>> tables;
  for (int j = 0; j < 60; j += 10) tables.insert(StrengthTable(v1::Template::SIGNS, j, 10));
  EXPECT_EQ(tables.size(), 6u);
  for (const auto& table : tables) EXPECT_EQ(std::count(table.begin(), table.end(), 1), 2);
}

// Neurons of one class have different tables, and all classes the same ones: a table that is a
// function of the class costs 4 points of accuracy.
TEST(StrengthTest, TablesDoNotFollowTheClass) {
  for (const auto strengths : {v1::Template::SIGNS, v1::Template::SIGNS_AND_DOUBLES}) {
    std::map<int, std::vector<std::vector<int8_t>>> by_class;
    for (int j = 0; j < 250; ++j) by_class[j % 10].push_back(StrengthTable(strengths, j, 10));
    for (const auto& [label, tables] : by_class) {
      EXPECT_EQ(tables, by_class[0]) << label;
      EXPECT_GE(std::set(tables.begin(), tables.end()).size(), 4u);
    }
  }
}

struct Refusal {
  const char* name;
  const char* definition;
  const char* path;
  const char* why;
};

class RefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, NamesFieldAndBound) {
  const auto plan = PlanGrid(testing::CoreGrid(GetParam().definition).truenorth());
  ASSERT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(testing::FieldsOf(plan.status()), ::testing::Contains(GetParam().path));
  EXPECT_THAT(testing::DescriptionOf(plan.status(), GetParam().path), HasSubstr(GetParam().why));
}

constexpr char kUpper[] = "layers { block: 1 stride: 1 }";

INSTANTIATE_TEST_SUITE_P(
    All, RefusalTest,
    ::testing::Values(
        Refusal{"NoInput", "layers { block: 1 stride: 1 }", "input.shape",
                "at least one dimension"},
        Refusal{"FlatInput", "input { shape: 784 } layers { block: 1 stride: 1 }", "input.shape",
                "[height, width] or [channels, height, width], has 1"},
        Refusal{"NoLayers", "input { shape: [4, 4] }", "layers", "1..16 layers, has 0"},
        Refusal{"NoBlock", "input { shape: [4, 4] } layers { stride: 1 }", "layers[0].block",
                "at least 1, got 0"},
        Refusal{"NoStride", "input { shape: [4, 4] } layers { block: 4 }", "layers[0].stride",
                "at least 1, got 0"},
        Refusal{"SmallImage", "input { shape: [8, 20] } layers { block: 9 stride: 1 }",
                "layers[0].block", "at most the 8 pixels of height below, got 9"},
        Refusal{"NarrowImage", "input { shape: [20, 8] } layers { block: 9 stride: 1 }",
                "layers[0].block", "at most the 8 pixels of width below, got 9"},
        Refusal{"Rest", "input { shape: [28, 28] } layers { block: 16 stride: 5 }",
                "layers[0].stride", "28 - 16 is no multiple of 5"},
        Refusal{"Gap", "input { shape: [28, 28] } layers { block: 4 stride: 8 }",
                "layers[0].stride", "or blocks leave pixels out"},
        Refusal{"RestAbove",
                "input { shape: [28, 28] } layers { block: 4 stride: 4 } "
                "layers { name: \"up\" block: 4 stride: 2 }",
                "layers[1].stride", "7 cores of height"},
        Refusal{"LargeBlockAbove",
                "input { shape: [28, 28] } layers { block: 16 stride: 12 } "
                "layers { block: 3 stride: 1 }",
                "layers[1].block", "at most the 2 cores of height below, got 3"},
        Refusal{"Axons", "input { shape: [28, 28] } layers { name: \"eye\" block: 17 stride: 11 }",
                "layers[0].block",
                "layer \"eye\": the core of block [0, 0] would need 289 axons (17 x 17 pixels), a "
                "core has 256"},
        Refusal{"AxonsOfChannels", "input { shape: [3, 16, 16] } layers { block: 10 stride: 6 }",
                "layers[0].block", "would need 300 axons (10 x 10 pixels of 3 channels)"},
        Refusal{"AxonsAbove",
                "input { shape: [17, 17] } layers { block: 1 stride: 1 } "
                "layers { name: \"top\" block: 17 stride: 1 }",
                "layers[1].block", "layer \"top\": the core of block [0, 0] would need 289 axons"},
        Refusal{"TwoAxonsOfANeuron",
                "input { shape: [40, 40] } layers { name: \"eye\" block: 1 stride: 1 } "
                "layers { name: \"top\" block: 17 stride: 1 }",
                "layers[1].stride",
                "layer \"eye\": the core of block [20, 20] would lie in 289 blocks of layer "
                "\"top\", more than its 256 neurons: a neuron drives one axon"},
        Refusal{"Neurons",
                "input { shape: [4, 4] } layers { name: \"out\" block: 4 stride: 1 } "
                "output_neurons: 260",
                "output_neurons",
                "layer \"out\": the core of block [0, 0] would need 260 neurons, a core has 256"},
        Refusal{"OddNeurons",
                "input { shape: [4, 4] } layers { block: 4 stride: 1 } output_neurons: 255",
                "output_neurons", "multiple of the 10 classes, got 255"},
        Refusal{"FewNeurons",
                "input { shape: [4, 4] } layers { block: 4 stride: 1 } output_neurons: -10",
                "output_neurons", "got -10"},
        Refusal{"OneClass", "input { shape: [4, 4] } layers { block: 4 stride: 1 } classes: 1",
                "classes", "2..256, got 1"},
        Refusal{"ManyClasses", "input { shape: [4, 4] } layers { block: 4 stride: 1 } classes: 257",
                "classes", "2..256, got 257"},
        Refusal{"NegativeTicks", "input { shape: [4, 4] } layers { block: 4 stride: 1 } ticks: -1",
                "ticks", "1..4096, got -1"},
        Refusal{"NoTicks", "input { shape: [4, 4] } layers { block: 4 stride: 1 } ticks: 0",
                "ticks", "1..4096, got 0"},
        Refusal{"ManyTicks", "input { shape: [4, 4] } layers { block: 4 stride: 1 } ticks: 4097",
                "ticks", "1..4096, got 4097"},
        Refusal{"Name", "input { shape: [4, 4] } layers { name: \"Out\" block: 4 stride: 1 }",
                "layers[0].name", "[a-z]"},
        Refusal{"SameName",
                "input { shape: [4, 4] } layers { name: \"layer1\" block: 4 stride: 1 } "
                "layers { block: 1 stride: 1 }",
                "layers[1].name", "unique"},
        Refusal{"ManyCores", "input { shape: [65, 65] } layers { block: 1 stride: 1 }", "layers",
                "at most 4096 cores together, need 4225"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(PlanTest, EnumsOfNewerClientsAreRefused) {
  v1::Network network = testing::SmallGrid();
  network.mutable_truenorth()->set_template_(static_cast<v1::Template::Kind>(9));
  network.mutable_truenorth()->set_code(static_cast<v1::RateCode::Kind>(9));
  const auto plan = PlanGrid(network.truenorth());
  EXPECT_THAT(testing::FieldsOf(plan.status()), ElementsAre("template", "code"));
}

TEST(PlanTest, AllWrongFieldsAreNamedAtOnce) {
  const auto plan = PlanGrid(
      testing::CoreGrid(std::string("input { shape: [4, 4] } layers { name: \"X\" stride: 1 } ") +
                        kUpper + " classes: 1 ticks: 5000")
          .truenorth());
  EXPECT_THAT(testing::FieldsOf(plan.status()),
              ElementsAre("layers[0].name", "layers[0].block", "classes", "ticks"));
}

}  // namespace
}  // namespace torpor
