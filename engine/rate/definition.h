// The definition of a rate network, checked and resolved into plain numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/network/image_windows.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

enum class RateLayerKind { kDense, kConv2d, kAvgPool2d, kMaxPool2d, kFlatten };

// One layer with its shapes known.
//
// Shared weights: a convolution's weights [units x fan_in] are used at each of `places` windows.
// Its unit is the channel: bias, statistics (pooled over places and samples) and bias policy belong
// to the channel. A weight draws power at each place where it is used, and so does a bias; places
// in the padding read zeros and draw nothing. NASP, policies and noise then follow as for dense
// layers, whose units have one place. The windows are those of convolution and pooling.
struct RateLayerShape : ImageWindows {
  RateLayerKind kind = RateLayerKind::kDense;
  std::string name;
  // Values of one sample that enter and leave.
  int inputs = 0;
  int outputs = 0;
  // What has a bias of its own: units of a dense layer, channels of a convolution, 0 for layers
  // without weights.
  int units = 0;
  // Weights of one unit.
  int fan_in = 0;
  // Windows at which a unit's weights are used: 1 for dense.
  int places = 1;
  bool has_bias = true;
  // LINEAR for layers without weights.
  v1::Activation::Kind activation = v1::Activation::LINEAR;

  bool has_weights() const { return units > 0; }
  // Weights, each counted once.
  int64_t synapses() const { return int64_t{units} * fan_in; }
  // Biases, each counted once.
  int64_t biases() const { return has_bias ? units : 0; }
  // Weighted inputs of one sample: each weight at each place.
  int64_t multiply_accumulates() const { return synapses() * places; }
};

// Checks everything about the network's definition without allocating by its sizes, and resolves
// it. INVALID_ARGUMENT names every wrong field by its path inside the network, e.g.
// "rate.layers[1].dense.units".
absl::StatusOr<std::vector<RateLayerShape>> ResolveRateNetwork(const v1::Network& network);

// `network` is the definition that `layers` were resolved from.
v1::NetworkDescription DescribeRateNetwork(const v1::Network& network,
                                           const std::vector<RateLayerShape>& layers);

}  // namespace torpor
