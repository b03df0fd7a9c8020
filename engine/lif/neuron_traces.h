// Neurons of one layer over the steps of a sample: spikes forward, errors back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/simd.h"
#include "engine/lif/aligned_floats.h"
#include "engine/lif/lif_kernel.h"
#include "engine/lif/neuron.h"
#include "engine/lif/spike_train.h"
#include "engine/lif/tile.h"

namespace torpor {

// Q, P and R of a layer's neurons between steps, or their adjoints. All 0: at rest.
struct LifTraces {
  // For `units` neurons, at rest.
  void Reset(int units);
  // To what they would be had all drive until now been `by` times what it was. R counts spikes,
  // whatever brought them: it stays.
  void ScaleDrive(float by);
  // [padded units].
  AlignedFloats q, p, r;
};

// Gradient of the spikes S[n] of one layer: factors[n] times row n of `rows`, or times its only
// row. Rows as in LifTile.
struct LifSpikeErrors {
  // The gradient itself, [steps x units].
  static LifSpikeErrors Of(const LifTile& tile, std::span<const float> ones);
  // The same in every step but for a factor, e.g. of a read-out's kernel. `row` holds one row.
  static LifSpikeErrors Repeated(const LifTile& row, std::span<const float> factors);

  const float* rows = nullptr;
  int64_t stride = 0;
  std::span<const float> factors;
};

// Runs the recurrences of neuron.h. Immutable but for its scratch: one a thread.
class NeuronTraces {
 public:
  NeuronTraces(const LifNeuron& neuron, LifOrder order, Instructions with = BestInstructions());

  const LifNeuron& neuron() const { return neuron_; }
  LifOrder order() const { return order_; }

  // Steps first .. first+count-1 of `tile`: drive h in, X out (its copy, where membranes have
  // bits). Brings `traces` along, so that a sample may be run in pieces with the same bits, and
  // appends a step of `spikes`, ascending, for each.
  void Forward(LifTile& tile, int first, int count, LifTraces& traces, LifSpikes& spikes);
  // The adjoint of the same steps, last first: X in, the gradient of h out. `adjoints` are those of
  // the steps behind; at rest behind the last.
  void Backward(const LifSurrogate& surrogate, const LifSpikeErrors& errors, LifTile& tile,
                int first, int count, LifTraces& adjoints) const;

 private:
  LifNeuron neuron_;
  LifOrder order_;
  const LifKernel* kernel_;
  // [steps x words], rows padded to 64 neurons.
  std::vector<uint16_t> bits_;
  // Room for all neurons to spike in one step.
  std::vector<uint32_t> list_;
};

}  // namespace torpor
