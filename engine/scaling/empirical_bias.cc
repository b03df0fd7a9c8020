#include "engine/scaling/empirical_bias.h"

#include "engine/base/status.h"

namespace torpor {

ScaledBias EmpiricalBias(const ScalingLayer& layer) {
  TORPOR_CHECK(layer.statistics != nullptr);
  const Eigen::VectorXd& m = layer.statistics->delta_mean;
  return TangentBias(layer.epsilon, layer.bias, {m.data(), static_cast<size_t>(m.size())});
}

}  // namespace torpor
