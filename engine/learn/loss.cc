#include "engine/learn/loss.h"

#include <algorithm>
#include <cmath>

#include "engine/base/status.h"

namespace torpor {
namespace {

// f(s) and f'(s).
void ValueAndSlope(v1::Activation::Kind activation, float s, float& value, float& slope) {
  switch (activation) {
    case v1::Activation::LINEAR:
      value = s;
      slope = 1;
      return;
    case v1::Activation::RELU:
      value = std::max(s, 0.0f);
      slope = s > 0 ? 1 : 0;
      return;
    case v1::Activation::SIGMOID:
      value = 1 / (1 + std::exp(-s));
      slope = value * (1 - value);
      return;
    case v1::Activation::TANH:
      value = std::tanh(s);
      slope = 1 - value * value;
      return;
    default:
      TORPOR_CHECK(false && "step activations are not trained");
  }
}

float BinaryCrossEntropy(std::span<const float> scores, int32_t label, float scale,
                         std::span<float> delta) {
  float sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const float s = scores[i];
    const float target = static_cast<int32_t>(i) == label ? 1.0f : 0.0f;
    const float e = std::exp(-std::fabs(s));
    sum += std::max(s, 0.0f) - s * target + std::log1p(e);
    const float x = (s >= 0 ? 1.0f : e) / (1 + e);
    delta[i] = scale * (x - target);
  }
  return sum;
}

float SquaredError(v1::Activation::Kind activation, std::span<const float> scores, int32_t label,
                   float scale, std::span<float> delta) {
  float sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const float target = static_cast<int32_t>(i) == label ? 1.0f : 0.0f;
    float value = 0;
    float slope = 0;
    ValueAndSlope(activation, scores[i], value, slope);
    sum += (value - target) * (value - target);
    delta[i] = scale * 2 * (value - target) * slope;
  }
  return sum;
}

float CrossEntropy(std::span<const float> scores, int32_t label, float scale,
                   std::span<float> delta) {
  const float top = *std::max_element(scores.begin(), scores.end());
  float total = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    delta[i] = std::exp(scores[i] - top);
    total += delta[i];
  }
  for (float& d : delta) d *= scale / total;
  delta[static_cast<size_t>(label)] -= scale;
  return std::log(total) + top - scores[static_cast<size_t>(label)];
}

}  // namespace

float LossAndGradient(v1::Loss::Kind loss, v1::Activation::Kind activation,
                      std::span<const float> scores, int32_t label, float scale,
                      std::span<float> delta) {
  TORPOR_CHECK(scores.size() == delta.size() && label >= 0 &&
               label < static_cast<int32_t>(scores.size()));
  switch (loss) {
    case v1::Loss::BCE:
      TORPOR_CHECK(activation == v1::Activation::SIGMOID);
      return BinaryCrossEntropy(scores, label, scale, delta);
    case v1::Loss::MSE:
      return SquaredError(activation, scores, label, scale, delta);
    case v1::Loss::CE:
      return CrossEntropy(scores, label, scale, delta);
    default:
      TORPOR_CHECK(false && "loss was validated");
  }
}

}  // namespace torpor
