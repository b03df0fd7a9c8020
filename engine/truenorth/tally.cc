#include "engine/truenorth/tally.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace torpor {
namespace {

bool AllOnes(const std::vector<int32_t>& weights) {
  return std::all_of(weights.begin(), weights.end(), [](int32_t w) { return w == 1; });
}

}  // namespace

TallyPlan PlanTallies(const BinaryGrid& grid) {
  const GridPlan& plan = *grid.plan;
  TallyPlan tallies;
  const auto add = [&](int level, std::vector<int32_t> weights) {
    tallies.tallies.push_back({.level = level, .weights = std::move(weights)});
    return static_cast<int>(tallies.tallies.size()) - 1;
  };
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const CoreLayerPlan& layer = plan.layers[l];
    const size_t inputs = static_cast<size_t>(layer.inputs);
    std::vector<int32_t> events(inputs), weighted(inputs), axons(inputs);
    for (size_t c = 0; c < layer.cores.size(); ++c) {
      const CorePlan& core = layer.cores[c];
      const int8_t* weight = grid.layers[l][c].weight.data();
      for (const int32_t source : core.sources) ++axons[static_cast<size_t>(source)];
      for (int j = 0; j < core.neurons; ++j) {
        for (const int32_t source : core.sources) {
          events[static_cast<size_t>(source)] += *weight != 0 ? 1 : 0;
          weighted[static_cast<size_t>(source)] += std::abs(*weight);
          ++weight;
        }
      }
    }
    const int level = static_cast<int>(l);
    LayerTallies& of_layer = tallies.layers.emplace_back();
    of_layer.events = add(level, std::move(events));
    of_layer.weighted_events = plan.strengths == v1::Template::SIGNS_AND_DOUBLES
                                   ? add(level, std::move(weighted))
                                   : of_layer.events;
    // A neuron's spike goes to one axon.
    of_layer.axon_spikes = l > 0 && AllOnes(axons) ? tallies.layers[l - 1].neuron_spikes
                                                   : add(level, std::move(axons));
    of_layer.neuron_spikes =
        add(level + 1, std::vector<int32_t>(static_cast<size_t>(layer.neurons), 1));
  }
  const CoreLayerPlan& last = plan.layers.back();
  for (int k = 0; k < plan.classes; ++k) {
    std::vector<int32_t> votes(static_cast<size_t>(last.neurons));
    for (const CorePlan& core : last.cores) {
      for (int j = k; j < core.neurons; j += plan.classes) {
        votes[static_cast<size_t>(core.first_neuron + j)] = 1;
      }
    }
    tallies.classes.push_back(add(static_cast<int>(plan.layers.size()), std::move(votes)));
  }
  return tallies;
}

}  // namespace torpor
