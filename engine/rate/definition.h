// The definition of a rate network, checked and resolved into plain numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/network/levers.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// One dense layer with its shapes known.
struct RateLayerShape {
  std::string name;
  int inputs = 0;
  int units = 0;
  bool has_bias = true;
  v1::Activation::Kind activation = v1::Activation::LINEAR;
};

// Checks everything about the network's definition without allocating by its sizes, and resolves
// it. INVALID_ARGUMENT names every wrong field by its path inside the network, e.g.
// "rate.layers[1].dense.units".
absl::StatusOr<std::vector<RateLayerShape>> ResolveRateNetwork(const v1::Network& network);

// Levers of a rate network: epsilon (global and by layer) and bias.
Levers RateLevers(const std::vector<RateLayerShape>& layers);

// `network` is the definition that `layers` were resolved from.
v1::NetworkDescription DescribeRateNetwork(const v1::Network& network,
                                           const std::vector<RateLayerShape>& layers);

}  // namespace torpor
