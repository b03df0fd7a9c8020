#include "engine/truenorth/reference.h"

#include <cstdlib>

#include "engine/base/status.h"

namespace torpor {

ReferenceTick RunReference(const BinaryGrid& grid, std::span<const uint8_t> pixels) {
  const GridPlan& plan = *grid.plan;
  TORPOR_CHECK(static_cast<int>(pixels.size()) == plan.features);
  ReferenceTick tick;
  tick.spikes.emplace_back(pixels.begin(), pixels.end());
  tick.classes.assign(static_cast<size_t>(plan.classes), 0);
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const CoreLayerPlan& layer = plan.layers[l];
    const std::vector<uint8_t>& below = tick.spikes[l];
    std::vector<uint8_t> out(static_cast<size_t>(layer.neurons));
    LayerCounts counts;
    for (size_t c = 0; c < layer.cores.size(); ++c) {
      const CorePlan& core = layer.cores[c];
      const BinaryCore& sites = grid.layers[l][c];
      for (const int32_t source : core.sources) {
        counts.axon_spikes += below[static_cast<size_t>(source)];
      }
      for (int j = 0; j < core.neurons; ++j) {
        int64_t membrane = sites.leak[static_cast<size_t>(j)];
        for (int i = 0; i < core.axons(); ++i) {
          if (below[static_cast<size_t>(core.sources[static_cast<size_t>(i)])] == 0) continue;
          const int weight = sites.weight[static_cast<size_t>(j * core.axons() + i)];
          membrane += weight;
          counts.events += weight != 0 ? 1 : 0;
          counts.weighted_events += std::abs(weight);
        }
        const bool fires = membrane >= 1;
        out[static_cast<size_t>(core.first_neuron + j)] = fires ? 1 : 0;
        counts.neuron_spikes += fires ? 1 : 0;
        if (fires && l + 1 == plan.layers.size()) {
          ++tick.classes[static_cast<size_t>(j % plan.classes)];
        }
      }
    }
    tick.spikes.push_back(std::move(out));
    tick.layers.push_back(counts);
  }
  return tick;
}

}  // namespace torpor
