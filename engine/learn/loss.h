// Losses and their gradients with respect to the last layer's pre-activations.
#pragma once

#include <cstdint>
#include <span>

#include "torpor/v1/network.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// One sample's loss, summed over outputs, from its scores s [classes] (pre-activations) and label
// in 0..classes-1; the target is 1 for the label and 0 for others. Writes delta = scale dL/ds
// [classes]. With x = f(s):
//   BCE  -sum t ln x + (1 - t) ln(1 - x), sigmoid outputs only; computed from s without overflow
//   MSE  sum (x - t)^2; any activation but STEP
//   CE   -ln softmax(s)[label]; the activation plays no part
float LossAndGradient(v1::Loss::Kind loss, v1::Activation::Kind activation,
                      std::span<const float> scores, int32_t label, float scale,
                      std::span<float> delta);

}  // namespace torpor
