// What scaling makes of the signal along a network, from calibration statistics alone.
//
// Model. The values x' that a scaled layer puts out are taken as an affine function of those of
// full power, by unit: x'_k = offset_k + slope_k x_k. For a unit without scaled layers below it the
// pair is the regression of f(epsilon (s - b) + c) on f(s) over the unit's own distribution of s;
// further up, s' is itself taken as affine in s. Means are then exact, and what is left out is
// uncorrelated with x_k. Pooling keeps the pair of its channel (windows are monotone in x). Where
// all activations so far are positively homogeneous and c = gain b, x' = gain x is exact and no
// statistics are needed.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "engine/scaling/scaling_layer.h"

namespace torpor {

// The values that leave a scaled layer, or enter the network.
struct ScaledSignal {
  // x' = gain x for every unit; offset and slope are then empty.
  bool exact = true;
  double gain = 1;
  // By unit or channel of the layer that they come from.
  Eigen::VectorXd offset;
  Eigen::VectorXd slope;
};

// The sums z = epsilon W u' of a scaled layer, before its bias.
struct ScaledSum {
  // The inputs were exact: z = gain W u.
  bool exact = true;
  // Regression of z on the sums of full power, centred by unit and pooled over units; exactly gamma
  // for exact inputs of gain gamma / epsilon.
  double gain = 1;
  // Mean of each unit's z [units]; empty for exact inputs of a layer without statistics.
  Eigen::VectorXd mean;
};

// Whether `layer` has the statistics that the functions below may need.
bool HasSignalStatistics(const ScalingLayer& layer);

// `first` is the layer's place in the list. Needs statistics unless `inputs` are exact.
ScaledSum SumOf(const ScalingLayer& layer, const ScaledSignal& inputs);
// The output of a layer with sums `sum` and bias `c`. Needs statistics unless the sums are exact,
// the activation is positively homogeneous and c = sum.gain b.
ScaledSignal OutputOf(const ScalingLayer& layer, const ScaledSum& sum, const ScaledBias& c);
// Whether OutputOf would answer exactly, without statistics.
bool StaysExact(const ScalingLayer& layer, const ScaledSum& sum, const ScaledBias& c);

// Distribution of unit i's scaled pre-activation s': `groups` of it [groups], from the unit's
// distribution of s: mean z + gain (s - mean s) + c.
void ScaledGroups(const ScalingLayer& layer, const ScaledSum& sum, Eigen::Index unit, double c,
                  std::span<double> groups);

// The sums of the last layer under `biases`, one for each layer; nothing if that needs statistics
// that a layer lacks.
std::optional<ScaledSum> LastSum(std::span<const ScalingLayer> layers,
                                 std::span<const ScaledBias> biases);

}  // namespace torpor
