#include "engine/rate/weights.h"

#include <algorithm>

#include "engine/base/status.h"
#include "engine/rate/dot_products.h"
#include "engine/rate/pool2d.h"
#include "engine/rate/windows.h"
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

namespace {

float* Reserve(std::vector<float>& buffer, int64_t values) {
  if (static_cast<int64_t>(buffer.size()) < values) buffer.resize(static_cast<size_t>(values));
  return buffer.data();
}

void FreezeDense(const Matrix& weight, FrozenLayer& layer) {
  if (layer.shape.units < kNarrowUnits) {
    layer.weight = weight;
  } else {
    layer.packed = PackedWeights(View(weight));
  }
  layer.column_power = ColumnPower(View(weight));
}

void FreezeConv2d(const Matrix& weight, FrozenLayer& layer) {
  layer.weight = weight;
  layer.conv.emplace(layer.shape);
  layer.column_power = SumOverWindows(layer.shape, ColumnPower(View(weight)));
  const std::vector<double> uses = InputUses(layer.shape);
  layer.uses.assign(uses.begin(), uses.end());
}

}  // namespace

absl::Status LayerProduct(const FrozenLayer& layer, ConstMatrixView inputs, Workspace& workspace,
                          const Cancellation& cancellation, MatrixView sums) {
  if (layer.shape.kind == RateLayerKind::kDense) {
    LayerProduct(layer, inputs, sums);
    return absl::OkStatus();
  }
  const size_t in = static_cast<size_t>(layer.shape.inputs);
  const size_t out = static_cast<size_t>(layer.shape.outputs);
  for (Eigen::Index i = 0; i < inputs.rows(); ++i) {
    const std::span<const float> u(inputs.row(i).data(), in);
    const std::span<float> s(sums.row(i).data(), out);
    if (layer.conv) {
      float* image = Reserve(workspace.image, layer.conv->image_size());
      float* gaps = Reserve(workspace.sums, layer.conv->sums_size());
      layer.conv->Spread(u, image);
      const std::span<const float> weight(layer.weight.data(),
                                          static_cast<size_t>(layer.weight.size()));
      TORPOR_RETURN_IF_ERROR(layer.conv->Products(weight, image, gaps, cancellation));
      layer.conv->Gather(gaps, s);
    } else if (layer.shape.kind == RateLayerKind::kFlatten) {
      std::copy(u.begin(), u.end(), s.begin());
    } else {
      PoolForward(layer.shape, u, s);
    }
  }
  return absl::OkStatus();
}

int64_t LayerWork(const FrozenLayer& layer) {
  // A convolution also computes what lies between its rows of places.
  const int64_t products =
      layer.conv ? layer.conv->sums_size() * layer.shape.fan_in : layer.shape.synapses();
  return products + layer.shape.inputs + layer.shape.outputs;
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
    if (!layer.shape.has_weights()) continue;
    if (layer.shape.kind == RateLayerKind::kConv2d) {
      FreezeConv2d(weight, layer);
    } else {
      FreezeDense(weight, layer);
    }
    layer.bias = parameters[l].bias;
    const float largest = weight.cwiseAbs().maxCoeff();
    if (largest > 0) layer.largest_weight = static_cast<double>(largest);
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
