#include "engine/stdp/levers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/network/lever_kinds.h"

namespace torpor {
namespace {

std::string StoredBits(bool given, int bits) {
  return given ? absl::StrCat(bits) : std::string("32 (float)");
}

}  // namespace

Levers StdpLevers(const StdpPlan& plan) {
  const StdpParameters& p = plan.parameters;
  const v1::Quantization& stored = plan.quantization;
  v1::Lever epsilon = NumberLever(
      "epsilon", 0, 1, "1", "Scale of the learned weights; synaptic power falls in proportion.");
  epsilon.set_minimum_exclusive(true);
  // A margin beyond all spikes of a class never stops a sample.
  const double spikes = static_cast<double>(p.neurons) * p.steps;
  return Levers(
      {
          NumberLever("steps", 1, p.steps, absl::StrCat(p.steps),
                      "Steps that a sample is shown; energy is in proportion."),
          NumberLever("margin", 0, spikes, "none",
                      "Lead in summed spikes of the neurons of the first class over those of the "
                      "second at which a sample stops early; looked at after every step with "
                      "spikes."),
          NumberLever("precision_bits", 1, 32,
                      StoredBits(stored.has_weight_bits(), stored.weight_bits()),
                      "Bits of a stored weight."),
          NumberLever("neuron_bits", 1, 32,
                      StoredBits(stored.has_neuron_bits(), stored.neuron_bits()),
                      "Bits of membrane potentials and thresholds."),
          ChoiceLever("rounding", {"truncate", "nearest", "stochastic"}, {}, "nearest",
                      "How numbers are brought to fewer bits."),
          std::move(epsilon),
          ChoiceLever("bias", {"none", "homogeneous"}, {}, "none",
                      "Whether thresholds, resets and inhibition follow the scaled weights "
                      "(homogeneous), which leaves spikes as they are."),
      },
      {"excitatory"}, {"inhibition"});
}

}  // namespace torpor
