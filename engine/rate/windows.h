// How often, and how wholly, the inputs of a layer are seen: by one window for dense layers, by
// many overlapping ones for convolutions.
#pragma once

#include <vector>

#include "Eigen/Core"
#include "engine/rate/definition.h"

namespace torpor {

// Mean over places of the value that each tap of a window sees [fan_in], for values by input
// [inputs]; the padding's are 0. The layer has weights.
Eigen::VectorXd WindowMeans(const RateLayerShape& shape, const Eigen::VectorXd& inputs);

// Share of places at which each tap sees an input and not the padding [fan_in]; empty if all do.
Eigen::VectorXd WindowPresence(const RateLayerShape& shape);

// Sum over all windows of what the tap that sees an input holds [inputs], for values by tap
// [fan_in]. With the sums of |w| over units, this is what a convolution's input draws.
std::vector<double> SumOverWindows(const RateLayerShape& shape, const std::vector<double>& taps);

// Pairs of devices that each input drives [inputs]: units times the windows that it is in.
std::vector<double> InputUses(const RateLayerShape& shape);

}  // namespace torpor
