// Bias policies: which bias goes with scaled weights.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/scaling/calibration.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// A layer's place in the scaled network.
struct LayerScale {
  // Scale of the layer's weights, in (0, 1].
  double epsilon = 1;
  // Product of the epsilons of the layers up to and including this one.
  double gamma = 1;
};

// The product of epsilons along the network.
std::vector<LayerScale> ScalesOf(std::span<const double> epsilons);

// The bias c of f(epsilon W u + c) (Merkel, eq. 4: c = b + db) for trained biases b [units]; empty
// b gives empty c, since a layer without bias has no row of synapses to adjust.
//   NONE         c = b
//   TABLE        c = epsilon b + (1 - epsilon) m, m from Table I; a ReLU unit that never fired in
//   calibration has m = 0 HOMOGENEOUS  c = gamma b
// At full power each is exactly b. `statistics` is used by TABLE alone and may be null otherwise.
std::vector<float> ScaledBias(v1::BiasPolicy::Kind policy, v1::Activation::Kind activation,
                              const LayerScale& scale, std::span<const float> bias,
                              const LayerStatistics* statistics);

// Whether f(a s) = a f(s) for every a > 0.
bool IsPositivelyHomogeneous(v1::Activation::Kind activation);

// OK if HOMOGENEOUS keeps the classes: every layer but the last is positively homogeneous.
// Otherwise FAILED_PRECONDITION with reason NOT_HOMOGENEOUS, path "bias", the layer's name and a
// way out.
absl::Status CheckHomogeneous(std::span<const std::string> names,
                              std::span<const v1::Activation::Kind> activations);

}  // namespace torpor
