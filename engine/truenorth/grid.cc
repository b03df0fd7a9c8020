#include "engine/truenorth/grid.h"

#include <cmath>
#include <utility>

#include "engine/base/random.h"

namespace torpor {
namespace {

// Writes one core; `on` says whether a neuron's site at an axon is on, asked in order of axons.
template <typename On>
BinaryCore WriteCore(const GridPlan& plan, const CorePlan& core, const CoreParameters& parameters,
                     On on) {
  BinaryCore written;
  written.weight.reserve(static_cast<size_t>(core.neurons * core.axons()));
  for (int j = 0; j < core.neurons; ++j) {
    const std::vector<int8_t> table = StrengthTable(plan.strengths, j, plan.classes);
    for (int i = 0; i < core.axons(); ++i) {
      const int8_t strength = table[static_cast<size_t>(i % kAxonTypes)];
      written.weight.push_back(on(j, i) ? strength : int8_t{0});
    }
  }
  written.leak.reserve(parameters.leak.size());
  for (const float leak : parameters.leak) {
    written.leak.push_back(static_cast<int32_t>(std::lround(leak)));
  }
  return written;
}

// Writes all cores by `write(layer, core)`.
template <typename Write>
BinaryGrid WriteGrid(std::shared_ptr<const GridPlan> plan, Write write) {
  BinaryGrid grid;
  for (size_t l = 0; l < plan->layers.size(); ++l) {
    std::vector<BinaryCore>& layer = grid.layers.emplace_back();
    for (size_t k = 0; k < plan->layers[l].cores.size(); ++k) layer.push_back(write(l, k));
  }
  grid.plan = std::move(plan);
  return grid;
}

}  // namespace

BinaryGrid Threshold(std::shared_ptr<const GridPlan> plan, const GridParameters& parameters) {
  const GridPlan& own = *plan;
  return WriteGrid(std::move(plan), [&](size_t l, size_t k) {
    const Matrix& connection = parameters[l][k].connection;
    return WriteCore(own, own.layers[l].cores[k], parameters[l][k],
                     [&](int neuron, int axon) { return connection(neuron, axon) > 0.5f; });
  });
}

BinaryGrid Sample(std::shared_ptr<const GridPlan> plan, const GridParameters& parameters,
                  uint64_t seed, int copy) {
  const GridPlan& own = *plan;
  return WriteGrid(std::move(plan), [&](size_t l, size_t k) {
    const Matrix& connection = parameters[l][k].connection;
    RandomStream random(seed, RandomPurpose::kConnections, static_cast<uint32_t>(l),
                        static_cast<uint64_t>(copy), static_cast<uint32_t>(k));
    // Every site takes one number, whatever its probability: the n-th number is the n-th site's.
    return WriteCore(own, own.layers[l].cores[k], parameters[l][k], [&](int neuron, int axon) {
      return random.NextFloat() < connection(neuron, axon);
    });
  });
}

}  // namespace torpor
