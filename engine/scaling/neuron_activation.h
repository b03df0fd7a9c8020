// Activations of single neurons in double precision, with what the analysis of biases asks of them.
#pragma once

#include "absl/status/status.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// OK for LINEAR, RELU, SIGMOID, TANH and STEP; else INVALID_ARGUMENT for the field `activation`
// (softmax is no function of one neuron).
absl::Status CheckNeuronActivation(v1::Activation::Kind activation);

// f(s); not SOFTMAX, which is no function of one unit.
double ActivationValue(v1::Activation::Kind activation, double s);
// f(s) and f'(s) at once, the slope without loss of digits in the tails; 0 for STEP.
struct ResponseAndSlope {
  double response = 0;
  double slope = 0;
};
ResponseAndSlope NeuronResponseAndSlope(v1::Activation::Kind activation, double s);
// ln f'(s)^2, -infinity where f' is 0.
double LogSquaredSlope(v1::Activation::Kind activation, double s);
// The width over which f bends around 0: 0 for a kink or a jump, infinite for LINEAR.
double BendWidth(v1::Activation::Kind activation);

}  // namespace torpor
