#include "engine/learn/optimizer.h"

#include <cmath>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

TORPOR_SIMD void Adam(float beta1, float beta2, float epsilon, float rate, float second_scale,
                      int64_t n, const float* __restrict g, float* __restrict w,
                      float* __restrict m, float* __restrict v) {
  for (int64_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    v[i] = beta2 * v[i] + (1 - beta2) * (g[i] * g[i]);
    w[i] -= rate * m[i] / (std::sqrt(v[i]) * second_scale + epsilon);
  }
}

TORPOR_SIMD void Adamax(float beta1, float beta2, float epsilon, float rate, int64_t n,
                        const float* __restrict g, float* __restrict w, float* __restrict m,
                        float* __restrict u) {
  for (int64_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    const float now = std::fabs(g[i]) + epsilon;
    const float before = beta2 * u[i];
    u[i] = before > now ? before : now;
    w[i] -= rate * m[i] / u[i];
  }
}

TORPOR_SIMD void Sgd(float learning_rate, float momentum, int64_t n, const float* __restrict g,
                     float* __restrict w, float* __restrict velocity) {
  for (int64_t i = 0; i < n; ++i) {
    velocity[i] = momentum * velocity[i] + g[i];
    w[i] -= learning_rate * velocity[i];
  }
}

}  // namespace

AdamStep::AdamStep(double learning_rate, int64_t step) {
  TORPOR_CHECK(step >= 1);
  const double t = static_cast<double>(step);
  rate = static_cast<float>(learning_rate / (1 - std::pow(0.9, t)));
  second_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(0.999, t)));
}

void AdamUpdate(const AdamStep& step, std::span<const float> gradient, std::span<float> parameters,
                std::span<float> first, std::span<float> second) {
  TORPOR_CHECK(gradient.size() == parameters.size() && first.size() == parameters.size() &&
               second.size() == parameters.size());
  Adam(step.beta1, step.beta2, step.epsilon, step.rate, step.second_scale,
       static_cast<int64_t>(gradient.size()), gradient.data(), parameters.data(), first.data(),
       second.data());
}

void AdamaxUpdate(const AdamStep& step, std::span<const float> gradient,
                  std::span<float> parameters, std::span<float> first, std::span<float> largest) {
  TORPOR_CHECK(gradient.size() == parameters.size() && first.size() == parameters.size() &&
               largest.size() == parameters.size());
  Adamax(step.beta1, step.beta2, step.epsilon, step.rate, static_cast<int64_t>(gradient.size()),
         gradient.data(), parameters.data(), first.data(), largest.data());
}

void SgdUpdate(float learning_rate, float momentum, std::span<const float> gradient,
               std::span<float> parameters, std::span<float> velocity) {
  TORPOR_CHECK(gradient.size() == parameters.size() && velocity.size() == parameters.size());
  Sgd(learning_rate, momentum, static_cast<int64_t>(gradient.size()), gradient.data(),
      parameters.data(), velocity.data());
}

}  // namespace torpor
