// Model::WeightArrays of each family.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/energy/memory_traffic.h"
#include "engine/families.h"
#include "engine/network/ensemble.h"
#include "engine/network/weight_density.h"
#include "engine/rate/model.h"
#include "engine/stdp/model.h"
#include "tests/support/convnets.h"
#include "tests/support/core_grids.h"
#include "tests/support/fake_model.h"
#include "tests/support/rate_networks.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stdp_networks.h"

namespace torpor {
namespace {

using Arrays = std::vector<v1::WeightArray>;

TEST(WeightDensity, CountsWhatStorageLeaves) {
  const std::vector<float> weights = {0, -0.0f, 1, -0.5f, 0.24f, 0.1f, -1e-9f, 0.26f};
  EXPECT_EQ(Density(weights), 6.0 / 8);
  // Levels -1, 0, 1: half of the largest weight and more.
  EXPECT_EQ(SymmetricDensity(weights, 2), 2.0 / 8);
  // Seven levels, 1/3 apart: 1/6 and more.
  EXPECT_EQ(SymmetricDensity(weights, 3), 4.0 / 8);
  EXPECT_EQ(SymmetricDensity(weights, 1), 6.0 / 8);
  EXPECT_EQ(Density({}), 0);
  EXPECT_EQ(SymmetricDensity(std::vector<float>{0, 0}, 8), 0);
}

TEST(WeightArrays, OfARateNetworkAreItsLayersAsTheyStand) {
  const std::unique_ptr<Model> model = *BuildModel(testing::SmallConvnet(), 3);
  TORPOR_ASSERT_OK_AND_ASSIGN(const Arrays arrays, model->WeightArrays(std::nullopt));
  ASSERT_EQ(arrays.size(), 3u);
  EXPECT_EQ(arrays[0].name(), "conv");
  EXPECT_EQ(arrays[0].bits(), 32);
  // Fresh weights are not zero.
  EXPECT_EQ(arrays[0].density(), 1);
  const v1::WeightArray::Conv2dShape& conv = arrays[0].conv2d();
  EXPECT_EQ(conv.height(), 9);
  EXPECT_EQ(conv.width(), 8);
  EXPECT_EQ(conv.kernel_height(), 3);
  EXPECT_EQ(conv.input_channels(), 2);
  EXPECT_EQ(conv.output_channels(), 3);
  EXPECT_EQ(conv.places(), 9 * 8);
  // Strided: 4 x 4 in, kernels of 2 x 3, a column of padding.
  const v1::WeightArray::Conv2dShape& strided = arrays[1].conv2d();
  EXPECT_EQ(strided.height(), 4);
  EXPECT_EQ(strided.kernel_width(), 3);
  EXPECT_EQ(strided.places(), 3 * 2);
  EXPECT_EQ(arrays[2].dense().outputs(), 4);
  const v1::NetworkDescription described = model->Describe();
  double uses = 0;
  for (const v1::WeightArray& array : arrays) {
    Violations violations;
    CheckWeightArray(array, "", violations);
    EXPECT_TRUE(violations.empty()) << violations.ToStatus();
    uses += Accesses(TrafficOf(v1::MemoryScheme::CROSSBAR, array).forward);
  }
  EXPECT_EQ(uses, described.multiply_accumulates());
}

// Uniform weights of b bits: one level of 2^b - 1 is zero.
TEST(WeightArrays, OfARateNetworkInFewBitsAreSparser) {
  const std::unique_ptr<Model> model =
      testing::ModelOf(400, {{300, v1::Activation::RELU}, {10, v1::Activation::SIGMOID}});
  for (const int bits : {2, 3, 4, 8}) {
    TORPOR_ASSERT_OK_AND_ASSIGN(const Arrays arrays, model->WeightArrays(bits));
    EXPECT_EQ(arrays[0].bits(), bits);
    const double zero = 1.0 / (std::ldexp(1.0, bits) - 2);
    // Levels 1 / (2^(b - 1) - 1) apart over [-1, 1]; six standard errors.
    EXPECT_NEAR(1 - arrays[0].density(), zero, 6 * std::sqrt(zero / 120000)) << bits;
  }
}

TEST(WeightArrays, OfACoreGridAreItsCrossbarsBitByBit) {
  const std::unique_ptr<Model> model = *BuildModel(testing::SmallGrid(), 4);
  TORPOR_ASSERT_OK_AND_ASSIGN(const Arrays arrays, model->WeightArrays(std::nullopt));
  ASSERT_EQ(static_cast<int>(arrays.size()), model->Describe().cores());
  double sites = 0;
  double on = 0;
  for (const v1::WeightArray& array : arrays) {
    EXPECT_EQ(array.bits(), 1);
    EXPECT_LE(array.dense().inputs(), 256);
    sites += WeightsOf(array);
    on += array.density() * WeightsOf(array);
  }
  EXPECT_THAT(arrays[0].name(), ::testing::EndsWith("/0-0"));
  const auto memory = model->Memory({});
  EXPECT_EQ(sites, (*memory)[0].count());
  // Of all cores together what the analysis of weights says is not zero.
  double analysed_zero = 0;
  double analysed = 0;
  const v1::WeightAnalysis analysis = model->AnalyzeWeights();
  for (const v1::LayerWeights& layer : analysis.layers()) {
    for (int i = 0; i < layer.weights().value_size(); ++i) {
      analysed += static_cast<double>(layer.weights().count(i));
      if (layer.weights().value(i) == 0) {
        analysed_zero += static_cast<double>(layer.weights().count(i));
      }
    }
  }
  EXPECT_EQ(sites, analysed);
  EXPECT_NEAR(on, analysed - analysed_zero, 1e-6 * analysed);
  EXPECT_GT(analysed_zero, 0);
}

TEST(WeightArrays, OfCompetingNeuronsAreTheInputsSynapses) {
  const std::unique_ptr<Model> built = *BuildModel(testing::SmallStdp(), 5);
  auto& model = static_cast<StdpModel&>(*built);
  StdpWeights weights = model.weights();
  std::fill(weights.weights.begin(), weights.weights.end(), 0.01f);
  weights.weights[0] = 0;
  weights.weights[1] = 0.9f;
  model.SetWeights(weights);
  TORPOR_ASSERT_OK_AND_ASSIGN(const Arrays stored, model.WeightArrays(std::nullopt));
  ASSERT_EQ(stored.size(), 1u);
  const double n = WeightsOf(stored[0]);
  EXPECT_EQ(stored[0].dense().inputs(), model.features());
  EXPECT_EQ(stored[0].bits(), 32);
  EXPECT_DOUBLE_EQ(stored[0].density(), 1 - 1 / n);
  // Steps of 1/16: 0.01 is nothing.
  TORPOR_ASSERT_OK_AND_ASSIGN(const Arrays few, model.WeightArrays(4));
  EXPECT_EQ(few[0].bits(), 4);
  EXPECT_DOUBLE_EQ(few[0].density(), 1 / n);
}

TEST(WeightArrays, OfAnEnsembleAreItsMembers) {
  std::vector<std::unique_ptr<Model>> members;
  for (int m = 0; m < 2; ++m) {
    members.push_back(
        testing::ModelOf(6, {{4 + m, v1::Activation::RELU}, {3, v1::Activation::SIGMOID}}, 1 + m));
  }
  const std::unique_ptr<Model> both = *EnsembleModel::Join(std::move(members), "both");
  TORPOR_ASSERT_OK_AND_ASSIGN(const Arrays arrays, both->WeightArrays(8));
  ASSERT_EQ(arrays.size(), 4u);
  EXPECT_EQ(arrays[0].dense().outputs(), 4);
  EXPECT_EQ(arrays[2].dense().outputs(), 5);
  EXPECT_NE(arrays[0].name(), arrays[2].name());
}

}  // namespace
}  // namespace torpor
