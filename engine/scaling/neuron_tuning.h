// How selective a neuron stays when its weights are scaled (C. Merkel, "Synaptic Scaling and
// Optimal Bias Adjustments for Power Reduction in Neuromorphic Systems", figure 3).
#pragma once

#include "absl/status/statusor.h"
#include "torpor/v1/analysis.pb.h"

namespace torpor {

// Response f(epsilon cos(angle) + b + db) against the angle between input and weights, both of norm
// 1, over its peak at angle 0; db = (1 - epsilon)(m - b) with m of Table I, or 0 (`unadjusted`).
//
// Widths are those of the function itself, found by bisection, not read off the sampled curve; a
// jump counts as its crossing. INVALID_ARGUMENT names each wrong field; a neuron whose peak is not
// above 0 has no such curve and is one of `bias`.
absl::StatusOr<v1::AnalyzeNeuronTuningResponse> AnalyzeNeuronTuning(
    const v1::AnalyzeNeuronTuningRequest& request);

}  // namespace torpor
