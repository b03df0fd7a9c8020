#include "engine/stdp/scaled_network.h"

#include "engine/stdp/stored_weights.h"

namespace torpor {
namespace {

// What the network's storage becomes in the mode.
v1::Quantization StoredIn(const v1::Quantization& own, const v1::PowerMode& mode) {
  v1::Quantization stored = own;
  if (mode.has_precision_bits()) stored.set_weight_bits(mode.precision_bits());
  if (mode.has_neuron_bits()) stored.set_neuron_bits(mode.neuron_bits());
  if (mode.has_rounding()) stored.set_rounding(mode.rounding());
  return stored;
}

// Everything in millivolts, but what drives an inhibitory neuron: spikes of the same height.
void ScalePotentials(float by, StdpParameters& p) {
  p.reset *= by;
  p.threshold *= by;
  p.theta_plus *= by;
  p.inhibition *= by;
}

}  // namespace

StdpDrive ScaledNetwork(const StdpPlan& plan, const StdpWeights& weights,
                        const v1::PowerMode& mode) {
  StdpDrive drive;
  drive.parameters = plan.parameters;
  if (mode.has_steps()) drive.parameters.steps = mode.steps();
  drive.weights = weights;
  drive.quantization = StoredIn(plan.quantization, mode);
  const double epsilon = mode.has_epsilon() ? mode.epsilon() : 1;
  const bool homogeneous = mode.bias() == v1::BiasPolicy::HOMOGENEOUS;
  const float by = static_cast<float>(epsilon);
  if (epsilon != 1) {
    for (float& weight : drive.weights.weights) weight *= by;
    if (homogeneous) {
      ScalePotentials(by, drive.parameters);
      for (float& theta : drive.weights.theta) theta *= by;
    }
  }
  StoreWeights(drive.quantization, drive.weights.weights);
  StoreThetas(drive.quantization, drive.weights.theta);

  drive.mode.set_steps(drive.parameters.steps);
  if (mode.has_margin()) drive.mode.set_margin(mode.margin());
  if (drive.quantization.has_weight_bits()) {
    drive.mode.set_precision_bits(drive.quantization.weight_bits());
  }
  if (drive.quantization.has_neuron_bits()) {
    drive.mode.set_neuron_bits(drive.quantization.neuron_bits());
  }
  if (drive.quantization.has_weight_bits() || drive.quantization.has_neuron_bits()) {
    drive.mode.set_rounding(drive.quantization.rounding());
  }
  drive.mode.set_epsilon(epsilon);
  drive.mode.set_bias(homogeneous ? v1::BiasPolicy::HOMOGENEOUS : v1::BiasPolicy::NONE);
  return drive;
}

}  // namespace torpor
