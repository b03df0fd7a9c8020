// The bias that a neuron needs when its weights are scaled, found without the approximation of
// eq. 11 (C. Merkel, "Synaptic Scaling and Optimal Bias Adjustments for Power Reduction in
// Neuromorphic Systems", figure 2).
#pragma once

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/scaling/pre_activation.h"
#include "torpor/v1/analysis.pb.h"

namespace torpor {

// A neuron f(s) whose pre-activation s (bias b included) has a distribution. With weights scaled by
// epsilon and the bias changed by db it answers f(epsilon (s - b) + b + db).
struct AnalyzedNeuron {
  v1::Activation::Kind activation = v1::Activation::UNSPECIFIED;
  double bias = 0;
  const PreActivationDistribution* distribution = nullptr;
};

// E[(f(epsilon (s - b) + b + change) - f(s))^2].
double ExpectedSquaredError(const AnalyzedNeuron& neuron, double epsilon, double change);

// argmin of ExpectedSquaredError over the change, to 1e-9 of the deviation of s or better: the
// stationary points are bracketed between the smallest and the largest change that any single s
// asks for, (1 - epsilon)(s - b), and are roots of the derivative. Where several changes are
// equally good (a unit that is silent anyway) it is one of them; no change, if that is among them.
// STEP is exact with (epsilon - 1) b, after which the sign of every s is what it was; at epsilon 0
// it takes the constant that is right more often.
double OptimalBiasChange(const AnalyzedNeuron& neuron, double epsilon);

// m = E[f'^2 s] / E[f'^2] (eq. 11 with dL/dx = 1): the tangent to the optimum at epsilon 1 is
// (1 - epsilon)(m - b). 0 where f' is 0 everywhere (a silent ReLU), and for STEP, the limit of f'^2
// towards a delta at 0.
double TangentMean(const AnalyzedNeuron& neuron);

// All of the request. INVALID_ARGUMENT names each wrong field; samples times epsilons are at most
// 10 million, which take seconds. CANCELLED or DEADLINE_EXCEEDED between two epsilons.
absl::StatusOr<v1::AnalyzeNeuronBiasResponse> AnalyzeNeuronBias(
    const v1::AnalyzeNeuronBiasRequest& request, const Cancellation& cancellation);

}  // namespace torpor
