#include "engine/scaling/scaling_layer.h"

#include "engine/base/status.h"

namespace torpor {

bool IsPositivelyHomogeneous(v1::Activation::Kind activation) {
  return activation == v1::Activation::LINEAR || activation == v1::Activation::RELU;
}

ScaledBias BiasTimes(double factor, std::span<const float> bias) {
  ScaledBias scaled{.values = {bias.begin(), bias.end()}, .factor = factor};
  for (float& b : scaled.values) b = static_cast<float>(factor * b);
  return scaled;
}

ScaledBias TangentBias(double epsilon, std::span<const float> bias, std::span<const double> m) {
  if (epsilon == 1) return BiasTimes(1, bias);
  ScaledBias scaled{.values = {bias.begin(), bias.end()}, .factor = std::nullopt};
  TORPOR_CHECK(bias.empty() || bias.size() == m.size());
  for (size_t i = 0; i < bias.size(); ++i) {
    scaled.values[i] = static_cast<float>(epsilon * bias[i] + (1 - epsilon) * m[i]);
  }
  return scaled;
}

}  // namespace torpor
