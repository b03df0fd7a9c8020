// Optimisers as updates of one span of parameters, so that a trainer can fuse them with the
// gradient of a block.
#pragma once

#include <cstdint>
#include <span>

namespace torpor {

// Adam or Adamax (Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithms 1
// and 2) at one step.
struct AdamStep {
  // `step` counts from 1.
  AdamStep(double learning_rate, int64_t step);

  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  // learning_rate / (1 - beta1^step).
  float rate = 0;
  // 1 / sqrt(1 - beta2^step); of Adam alone.
  float second_scale = 0;
};

// first = beta1 first + (1 - beta1) g; second = beta2 second + (1 - beta2) g^2;
// w -= rate first / (sqrt(second) second_scale + epsilon). All spans have one length.
void AdamUpdate(const AdamStep& step, std::span<const float> gradient, std::span<float> parameters,
                std::span<float> first, std::span<float> second);

// first = beta1 first + (1 - beta1) g; largest = max(beta2 largest, |g| + epsilon);
// w -= rate first / largest. The algorithm as published with one number more: epsilon, without
// which a weight that has seen no gradient yet would be 0 / 0. All spans have one length.
void AdamaxUpdate(const AdamStep& step, std::span<const float> gradient,
                  std::span<float> parameters, std::span<float> first, std::span<float> largest);

// Gradient descent with momentum: velocity = momentum velocity + g; w -= learning_rate velocity.
void SgdUpdate(float learning_rate, float momentum, std::span<const float> gradient,
               std::span<float> parameters, std::span<float> velocity);

}  // namespace torpor
