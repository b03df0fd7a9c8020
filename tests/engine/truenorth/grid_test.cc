#include "engine/truenorth/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/core_grids.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<const GridPlan> SharedPlan(const v1::Network& network) {
  auto plan = PlanGrid(network.truenorth());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return std::make_shared<const GridPlan>(*std::move(plan));
}

GridParameters Filled(const GridPlan& plan, float connection, float leak) {
  GridParameters parameters;
  for (const CoreLayerPlan& layer : plan.layers) {
    auto& cores = parameters.emplace_back();
    for (const CorePlan& core : layer.cores) {
      cores.push_back({Matrix::Constant(core.neurons, core.axons(), connection),
                       std::vector<float>(static_cast<size_t>(core.neurons), leak)});
    }
  }
  return parameters;
}

double ShareOn(const BinaryGrid& grid) {
  double on = 0;
  double sites = 0;
  for (const auto& layer : grid.layers) {
    for (const BinaryCore& core : layer) {
      for (const int8_t weight : core.weight) on += weight != 0;
      sites += static_cast<double>(core.weight.size());
    }
  }
  return on / sites;
}

TEST(GridTest, ThresholdIsAboveOneHalf) {
  const auto plan = SharedPlan(testing::TinyGrid());
  GridParameters parameters = Filled(*plan, 0.5f, 0);
  EXPECT_EQ(ShareOn(Threshold(plan, parameters)), 0);
  parameters[1][0].connection(4, 7) = 0.5001f;
  const BinaryGrid grid = Threshold(plan, parameters);
  const int axons = plan->layers[1].cores[0].axons();
  for (size_t i = 0; i < grid.layers[1][0].weight.size(); ++i) {
    const bool the_one = i == static_cast<size_t>(4 * axons + 7);
    // Neuron 4 of three classes has the second table, +1 for types 0 and 2.
    EXPECT_EQ(grid.layers[1][0].weight[i], the_one ? -1 : 0);
  }
}

TEST(GridTest, WeightsAreStrengthsWhereOn) {
  v1::Network network = testing::TinyGrid();
  network.mutable_truenorth()->set_template_(v1::Template::SIGNS_AND_DOUBLES);
  const auto plan = SharedPlan(network);
  const BinaryGrid grid = Threshold(plan, Filled(*plan, 1, 0));
  for (size_t l = 0; l < 2; ++l) {
    for (size_t k = 0; k < grid.layers[l].size(); ++k) {
      const CorePlan& core = plan->layers[l].cores[k];
      for (int j = 0; j < core.neurons; ++j) {
        for (int i = 0; i < core.axons(); ++i) {
          ASSERT_EQ(grid.layers[l][k].weight[static_cast<size_t>(j * core.axons() + i)],
                    Strength(v1::Template::SIGNS_AND_DOUBLES, i, j, 3));
        }
      }
    }
  }
}

TEST(GridTest, LeaksAreRoundedAwayFromZero) {
  const auto plan = SharedPlan(testing::TinyGrid());
  GridParameters parameters = Filled(*plan, 0, 0);
  parameters[1][0].leak = {0.49f, 0.5f, -0.5f, 1.5f, -2.4f, -2.5f};
  EXPECT_THAT(Threshold(plan, parameters).layers[1][0].leak, ElementsAre(0, 1, -1, 2, -2, -3));
  EXPECT_THAT(Sample(plan, parameters, 3, 0).layers[1][0].leak, ElementsAre(0, 1, -1, 2, -2, -3));
}

TEST(GridTest, SitesAreOnWithTheirProbability) {
  const auto plan = SharedPlan(testing::SmallGrid());
  EXPECT_EQ(ShareOn(Sample(plan, Filled(*plan, 0, 0), 1, 0)), 0);
  EXPECT_EQ(ShareOn(Sample(plan, Filled(*plan, 1, 0), 1, 0)), 1);
  // 129536 draws: a standard error of 0.0013.
  EXPECT_NEAR(ShareOn(Sample(plan, Filled(*plan, 0.3f, 0), 1, 0)), 0.3, 0.006);
}

TEST(GridTest, DrawsDependOnSeedCopyLayerAndCoreAlone) {
  const auto plan = SharedPlan(testing::SmallGrid());
  const GridParameters half = Filled(*plan, 0.5f, 0);
  const BinaryGrid grid = Sample(plan, half, 7, 2);
  EXPECT_EQ(grid.layers[0][0].weight, Sample(plan, half, 7, 2).layers[0][0].weight);
  EXPECT_NE(grid.layers[0][0].weight, Sample(plan, half, 8, 2).layers[0][0].weight);
  EXPECT_NE(grid.layers[0][0].weight, Sample(plan, half, 7, 1).layers[0][0].weight);
  EXPECT_NE(grid.layers[0][0].weight, grid.layers[0][1].weight);
  // What other sites' probabilities are does not move a site's draw.
  GridParameters other = half;
  other[0][0].connection.row(0).setZero();
  const BinaryGrid changed = Sample(plan, other, 7, 2);
  const size_t axons = static_cast<size_t>(plan->layers[0].cores[0].axons());
  EXPECT_TRUE(std::equal(changed.layers[0][0].weight.begin() + static_cast<long>(axons),
                         changed.layers[0][0].weight.end(),
                         grid.layers[0][0].weight.begin() + static_cast<long>(axons)));
  EXPECT_NE(changed.layers[0][0].weight, grid.layers[0][0].weight);
}

}  // namespace
}  // namespace torpor
