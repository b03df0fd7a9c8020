// Table I of C. Merkel, "Synaptic Scaling and Optimal Bias Adjustments for Power Reduction in
// Neuromorphic Systems": the pre-activation that matters most to a unit, from which the bias of its
// scaled self follows.
#pragma once

#include "torpor/v1/network.pb.h"

namespace torpor {

// The m of db = (1 - epsilon)(m - b): the mean of s ~ N(mean, stddev) weighted by f'(s)^2 (eq. 11
// with dL/dx = 1). `stddev` >= 0; a unit that does not vary has m = mean (ReLU: 0 unless it fires).
//
// Errata followed here: tanh uses k = 0.525, half the sigmoid's 1.05 (the printed 0.75 fits f', not
// f'^2); the ReLU tail is computed without the cancellation of 1 - Phi. STEP is the limit of f'^2
// towards a delta at 0: m = 0.
double TableOneMean(v1::Activation::Kind activation, double mean, double stddev);

}  // namespace torpor
