// The network of lif_bench, inputs - hidden - classes that integrate, learned without events: what
// the event-driven path is compared with. Both give its losses and gradients to rounding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/gemm.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/neuron_traces.h"

namespace torpor {

struct LabelledSpikes {
  std::vector<LifSpikes> spikes;
  std::vector<int32_t> labels;
};

// Products over all steps of several samples at once, then the same scans as the event-driven path.
class DenseRival {
 public:
  explicit DenseRival(const LifPlan* plan);
  // Sum of losses; `gradients` are set to the sums over the samples, if there are any.
  double Run(std::span<const LifWeights> weights, const LabelledSpikes& data, size_t first,
             size_t count, std::span<const LifGradients> gradients);

 private:
  // Whose spikes are one matrix: it stays in the second cache.
  static constexpr size_t kSamples = 16;
  double RunSome(std::span<const LifWeights> weights, const LabelledSpikes& data, size_t first,
                 size_t count, std::span<const LifGradients> gradients);
  const LifPlan* plan_;
  NeuronTraces traces_;
  std::vector<float> kernel_;
  Matrix counts_;
  LifTile tile_;
  LifTile row_;
  std::vector<float> sums_;
  std::vector<LifTraces> states_;
};

// A product for each step of all samples, as frameworks do; elementwise plain loops.
class StepRival {
 public:
  explicit StepRival(const LifPlan* plan) : plan_(plan) {}
  double Run(std::span<const LifWeights> weights, const LabelledSpikes& data, size_t first,
             size_t count, std::span<const LifGradients> gradients);

 private:
  void Forward(std::span<const LifWeights> weights);
  void Backward(std::span<const LifWeights> weights, std::span<const LifGradients> gradients);
  const LifPlan* plan_;
  // By step: [samples x units].
  std::vector<Matrix> input_, membrane_, spikes_;
  Matrix scores_;
};

}  // namespace torpor
