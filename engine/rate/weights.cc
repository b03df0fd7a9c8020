#include "engine/rate/weights.h"

#include "engine/base/status.h"
#include "engine/rate/dot_products.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {

void LayerProduct(const FrozenLayer& layer, ConstMatrixView inputs, MatrixView sums) {
  if (layer.shape.units >= kNarrowUnits) {
    PackedProduct(layer.packed, inputs, sums);
  } else {
    DotProducts(View(layer.weight), inputs, sums);
  }
}

void LayerProduct(const FrozenLayer& layer, std::span<const float> inputs, std::span<float> sums) {
  if (layer.shape.units >= kNarrowUnits) {
    PackedProduct(layer.packed, inputs, sums);
    return;
  }
  const Eigen::Index features = static_cast<Eigen::Index>(inputs.size());
  const Eigen::Index units = static_cast<Eigen::Index>(sums.size());
  DotProducts(View(layer.weight),
              ConstMatrixView(inputs.data(), 1, features, Eigen::OuterStride<>(features)),
              MatrixView(sums.data(), 1, units, Eigen::OuterStride<>(units)));
}

std::shared_ptr<const FrozenWeights> Freeze(const std::vector<RateLayerShape>& shapes,
                                            const std::vector<RateLayerParameters>& parameters) {
  TORPOR_CHECK(shapes.size() == parameters.size());
  auto frozen = std::make_shared<FrozenWeights>();
  frozen->layers.resize(shapes.size());
  for (size_t l = 0; l < shapes.size(); ++l) {
    FrozenLayer& layer = frozen->layers[l];
    const Matrix& weight = parameters[l].weight;
    layer.shape = shapes[l];
    if (layer.shape.units < kNarrowUnits) {
      layer.weight = weight;
    } else {
      layer.packed = PackedWeights(View(weight));
    }
    layer.bias = parameters[l].bias;
    layer.column_power = ColumnPower(View(weight));
    layer.metered_power.assign(layer.column_power.begin(), layer.column_power.end());
    int64_t non_zero = 0;
    for (Eigen::Index i = 0; i < weight.rows(); ++i) {
      non_zero += CountNonZero({&weight(i, 0), static_cast<size_t>(weight.cols())});
    }
    layer.density = static_cast<double>(non_zero) / static_cast<double>(weight.size());
  }
  return frozen;
}

}  // namespace torpor
