// A layer with weights as bias policies see it, in any family whose units have biases.
//
// Symbols (C. Merkel, "Synaptic Scaling and Optimal Bias Adjustments for Power Reduction in
// Neuromorphic Systems"): s = W u + b is the pre-activation of the unscaled layer, f its
// activation, epsilon the scale of its weights (eq. 4) and c the bias of the scaled layer
// f(epsilon W u' + c), whose inputs u' come from scaled layers themselves. gamma is the product of
// epsilons up to and including the layer.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "Eigen/Core"
#include "engine/base/gemm.h"
#include "engine/scaling/calibration.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// What it points to outlives it. Layers without weights between two such layers (pooling, flatten)
// are left out of the list: they keep the order of channels.
struct ScalingLayer {
  std::string name;
  v1::Activation::Kind activation = v1::Activation::LINEAR;
  // In (0, 1].
  double epsilon = 1;
  double gamma = 1;
  // W [units x fan_in] and b [units]; b is empty for a layer without bias.
  const Matrix* weight = nullptr;
  std::span<const float> bias;
  // Null without calibration.
  const LayerStatistics* statistics = nullptr;
  // Share of windows at which each weight sees an input and not padding [fan_in]; empty: all.
  Eigen::VectorXd presence;

  Eigen::Index units() const { return weight->rows(); }
  Eigen::Index fan_in() const { return weight->cols(); }
};

// The bias of one scaled layer.
struct ScaledBias {
  // c [units]; empty for a layer without bias, which has no row of synapses to adjust.
  std::vector<float> values;
  // Set if c is this times b: the row's conductances can then stay as they are and its drive shrink
  // (EpsilonBy in power.proto).
  std::optional<double> factor;
};

// Whether f(a s) = a f(s) for every a > 0.
bool IsPositivelyHomogeneous(v1::Activation::Kind activation);

// factor times b, rounded once.
ScaledBias BiasTimes(double factor, std::span<const float> bias);
// c = epsilon b + (1 - epsilon) m (eq. 5 with c = b + db) for m [units]; exactly b at epsilon 1.
ScaledBias TangentBias(double epsilon, std::span<const float> bias, std::span<const double> m);

}  // namespace torpor
