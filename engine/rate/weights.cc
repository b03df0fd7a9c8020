#include "engine/rate/weights.h"

#include "engine/base/status.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {

std::shared_ptr<const FrozenWeights> Freeze(const std::vector<RateLayerShape>& shapes,
                                            const std::vector<RateLayerParameters>& parameters) {
  TORPOR_CHECK(shapes.size() == parameters.size());
  auto frozen = std::make_shared<FrozenWeights>();
  frozen->layers.resize(shapes.size());
  for (size_t l = 0; l < shapes.size(); ++l) {
    FrozenLayer& layer = frozen->layers[l];
    const Matrix& weight = parameters[l].weight;
    layer.shape = shapes[l];
    layer.weight_t = weight.transpose();
    layer.bias = parameters[l].bias;
    layer.column_power = ColumnPower(View(weight));
    int64_t non_zero = 0;
    for (Eigen::Index i = 0; i < weight.rows(); ++i) {
      non_zero += CountNonZero({&weight(i, 0), static_cast<size_t>(weight.cols())});
    }
    layer.density = static_cast<double>(non_zero) / static_cast<double>(weight.size());
  }
  return frozen;
}

}  // namespace torpor
