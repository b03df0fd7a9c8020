// What one layer's neurons are made of.
#pragma once

#include <cstdint>

namespace torpor {

// When within a step an input's spike is seen; h[n] is what the spikes of step n bring, X = U -
// threshold the membrane, S = [X > 0] (schaefer, section 7).
enum class LifOrder : uint8_t {
  // Q <- alpha Q + h[n]; P <- beta P + Q; X[n] = P - delta R - threshold; R <- gamma (R + S[n]).
  kImmediate,
  // The slides': X[n] = P - delta R - threshold; R <- gamma R + S[n]; P <- beta P + Q;
  // Q <- alpha Q + h[n].
  kDelayed,
};

struct LifNeuron {
  // Factors of Q, P and R a step, each in [0, 1).
  float alpha = 0.7f;
  float beta = 0.9f;
  float gamma = 0.9f;
  // >= 0.
  float delta = 1;
  // > 0.
  float threshold = 1;
  // WAGE: bits of the copy of X / 2, clipped to +-(1 - 2^(1-b)) and rounded to steps of 2^(1-b),
  // that decides on spikes and on surrogate gradients. 2..16; 0: X itself.
  int membrane_bits = 0;
  // What is 1 to that copy. Scaled like a threshold, it decides on scaled membranes as before.
  float membrane_unit = 1;
};

// The derivative that stands in the place of the step's: 1 / (1 + slope |X|)^2 (SuperSpike).
struct LifSurrogate {
  float slope = 5;
  // Gradients go through R too.
  bool reset_gradient = false;
};

}  // namespace torpor
