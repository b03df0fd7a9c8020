#include "engine/scaling/table_bias.h"

#include <vector>

#include "engine/base/status.h"
#include "engine/scaling/table_one.h"

namespace torpor {

ScaledBias TableBias(const ScalingLayer& layer) {
  TORPOR_CHECK(layer.statistics != nullptr);
  const LayerStatistics& statistics = *layer.statistics;
  std::vector<double> m(layer.bias.size());
  for (size_t i = 0; i < m.size(); ++i) {
    const Eigen::Index unit = static_cast<Eigen::Index>(i);
    const bool silent = layer.activation == v1::Activation::RELU && statistics.active[unit] == 0;
    if (!silent) {
      m[i] = TableOneMean(layer.activation, statistics.mean[unit], statistics.stddev[unit]);
    }
  }
  return TangentBias(layer.epsilon, layer.bias, m);
}

}  // namespace torpor
