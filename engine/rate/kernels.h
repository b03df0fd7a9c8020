// The inner loops of a rate network that are not matrix products.
#pragma once

#include <span>

#include "engine/base/gemm.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// out = M^T u for M [inputs x units] by adding up the rows of non-zero inputs; out [units]. Reads
// only those rows: a single sample is bound by memory, and images and ReLU layers are mostly zeros.
void SparseProduct(ConstMatrixView m, std::span<const float> u, std::span<float> out);
// The plain loop that the tests compare with.
void ReferenceSparseProduct(ConstMatrixView m, std::span<const float> u, std::span<float> out);

// out = M u for M [units x inputs], one dot product a unit, each summed in one fixed order.
void DotProducts(ConstMatrixView m, std::span<const float> u, std::span<float> out);
// The plain loop that the tests compare with.
void ReferenceDotProducts(ConstMatrixView m, std::span<const float> u, std::span<float> out);

// s = epsilon s + bias (+ noise), in place. `bias` may be empty; `noise` is standard normals times
// `noise_scale`, or empty.
void ScaleAndShift(float epsilon, std::span<const float> bias, float noise_scale,
                   std::span<const float> noise, std::span<float> s);

// x = f(s); in place allowed.
void Activate(v1::Activation::Kind activation, std::span<const float> s, std::span<float> x);

// delta *= f'(s), from x = f(s). The activation is not STEP. At its kink ReLU has slope 0.
void MultiplyBySlope(v1::Activation::Kind activation, std::span<const float> x,
                     std::span<float> delta);

}  // namespace torpor
