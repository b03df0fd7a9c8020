#include "engine/rate/weights.h"

#include <algorithm>

#include "engine/base/status.h"
#include "engine/rate/kernels.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {

void LayerProduct(const FrozenLayer& layer, ConstMatrixView inputs, MatrixView sums) {
  if (layer.shape.units >= kNarrowUnits) {
    GemmAb(inputs, View(layer.weight_t), 0, sums);
    return;
  }
  // OpenBLAS has a kernel for small products that larger batches would not take.
  constexpr Eigen::Index kRows = 64;
  for (Eigen::Index i = 0; i < inputs.rows(); i += kRows) {
    const Eigen::Index rows = std::min(kRows, inputs.rows() - i);
    GemmAbt(ConstMatrixView(inputs.row(i).data(), rows, inputs.cols(),
                            Eigen::OuterStride<>(inputs.outerStride())),
            View(layer.weight), 0,
            MatrixView(sums.row(i).data(), rows, sums.cols(),
                       Eigen::OuterStride<>(sums.outerStride())));
  }
}

void LayerProduct(const FrozenLayer& layer, std::span<const float> inputs, std::span<float> sums) {
  if (layer.shape.units >= kNarrowUnits) {
    SparseProduct(View(layer.weight_t), inputs, sums);
  } else {
    DotProducts(View(layer.weight), inputs, sums);
  }
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
      layer.weight_t = weight.transpose();
    }
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
