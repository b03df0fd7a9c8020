// What a training run did, in counts.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "engine/energy/activity.h"
#include "engine/lif/network_pass.h"
#include "engine/lif/network_plan.h"
#include "engine/network/archive.h"

namespace torpor {

// Of a sample's way through the network and back, what depends on the sample; one entry a layer of
// the plan.
struct LifLearnCounts {
  struct Layer {
    int64_t synaptic_operations = 0;
    int64_t output_spikes = 0;
    int64_t gradient_operations = 0;
  };
  absl::InlinedVector<Layer, 6> layers;
};
// Of the last Forward of `pass` and its way back.
LifLearnCounts CountLearning(const LifPlan& plan, const LifNetworkPass& pass);

// Sums over samples and updates. Not thread-safe.
class LifTrainingCounts {
 public:
  // `plan` outlives it.
  explicit LifTrainingCounts(const LifPlan* plan);

  void Add(const LifLearnCounts& sample);
  // All weights were changed.
  void AddUpdate() { ++updates_; }
  int64_t samples() const { return samples_; }

  // Layers with weights, as deployments have them. Weights are of `weight_bits`.
  //   synaptic_events, reads  weights that spikes met, and those that errors met on their way back
  //   writes                  gradients that events added to, and weights that updates changed
  //   neuron_updates          forward and, through the adjoints of the same traces, back
  //   synapse_steps, _writes  all of the above for every synapse in every step, as a machine does
  //                           that is driven by its clock
  // Devices price an event as a weight that is read and added, and a write as one that is read,
  // changed by a product and written, in the bits of stored weights: so products of errors and
  // weights cost less than they would, gradients of spikes more, and that gradients are wider than
  // weights of few bits and optimisers keep moments is left out. synaptic_power is unknown.
  Activity ToActivity(int weight_bits) const;

  void Save(ArchiveWriter& archive) const;
  absl::Status Load(const ArchiveReader& archive);

 private:
  const LifPlan* plan_;
  LifLearnCounts sum_;
  int64_t samples_ = 0;
  int64_t updates_ = 0;
};

}  // namespace torpor
