// Grids of cores with random sites and leaks.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/truenorth/grid.h"
#include "engine/truenorth/plan.h"

namespace torpor {

struct GridShape {
  int channels = 1;
  int height = 28;
  int width = 28;
  // Block and stride of each layer.
  std::vector<std::pair<int, int>> layers;
  v1::Template::Kind strengths = v1::Template::SIGNS;
  int classes = 10;
  int output_neurons = 0;
  int ticks = 16;
  v1::RateCode::Kind code = v1::RateCode::EVEN;
};

// The two presets of the paper.
inline GridShape SmallShape() {
  GridShape shape;
  shape.layers = {{16, 12}, {2, 1}};
  return shape;
}
inline GridShape LargeShape() {
  GridShape shape;
  shape.layers = {{16, 4}, {2, 1}, {2, 1}, {2, 1}};
  return shape;
}

inline v1::TrueNorthNetwork GridNetwork(const GridShape& shape) {
  v1::TrueNorthNetwork network;
  for (int size : {shape.channels, shape.height, shape.width})
    network.mutable_input()->add_shape(size);
  for (const auto& [block, stride] : shape.layers) {
    v1::BlockLayer& layer = *network.add_layers();
    layer.set_block(block);
    layer.set_stride(stride);
  }
  network.set_template_(shape.strengths);
  network.set_classes(shape.classes);
  network.set_output_neurons(shape.output_neurons);
  network.set_ticks(shape.ticks);
  network.set_code(shape.code);
  return network;
}

// Each site is on with probability `on`; leaks uniform in -leak..leak.
inline BinaryGrid RandomGrid(const GridShape& shape, uint64_t seed, double on = 0.5, int leak = 3) {
  absl::StatusOr<GridPlan> plan = PlanGrid(GridNetwork(shape));
  TORPOR_CHECK(plan.ok());
  BinaryGrid grid;
  grid.plan = std::make_shared<const GridPlan>(*std::move(plan));
  RandomStream random(seed, RandomPurpose::kTest);
  for (const CoreLayerPlan& layer : grid.plan->layers) {
    std::vector<BinaryCore>& cores = grid.layers.emplace_back();
    for (const CorePlan& core : layer.cores) {
      BinaryCore& sites = cores.emplace_back();
      for (int j = 0; j < core.neurons; ++j) {
        for (int i = 0; i < core.axons(); ++i) {
          const int strength = Strength(shape.strengths, i, j, shape.classes);
          sites.weight.push_back(static_cast<int8_t>(random.NextDouble() < on ? strength : 0));
        }
        sites.leak.push_back(
            static_cast<int32_t>(random.NextBelow(2 * static_cast<uint64_t>(leak) + 1)) - leak);
      }
    }
  }
  return grid;
}

}  // namespace torpor
