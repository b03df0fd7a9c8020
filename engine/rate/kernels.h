// The inner loops of a rate network that are not matrix products.
#pragma once

#include <span>

#include "torpor/v1/network.pb.h"

namespace torpor {

// s = epsilon s + bias (+ noise), in place, for s unit by unit with s.size() / bias.size() places
// of each. `bias` may be empty; `noise` is standard normals times `noise_scale`, or empty.
void ScaleAndShift(float epsilon, std::span<const float> bias, float noise_scale,
                   std::span<const float> noise, std::span<float> s);

// Sum of weights[j] over the j whose u is not zero.
double SumWhereNonZero(std::span<const float> u, std::span<const float> weights);

// sums[u] += sum over places of values, for values unit by unit [units x places].
void AddPlaneSums(std::span<const float> values, std::span<float> sums);

// x = f(s); in place allowed.
void Activate(v1::Activation::Kind activation, std::span<const float> s, std::span<float> x);

// delta *= f'(s), from x = f(s). The activation is not STEP. At its kink ReLU has slope 0.
void MultiplyBySlope(v1::Activation::Kind activation, std::span<const float> x,
                     std::span<float> delta);

}  // namespace torpor
