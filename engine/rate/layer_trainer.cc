#include "engine/rate/layer_trainer.h"

#include "engine/rate/conv2d_trainer.h"
#include "engine/rate/dense_trainer.h"
#include "engine/rate/pool2d_trainer.h"

namespace torpor {

void Moments::Resize(size_t parameters, v1::Optimizer::Kind optimizer) {
  first.resize(parameters);
  second.resize(optimizer == v1::Optimizer::SGD ? 0 : parameters);
}

void OptimizerStep::Update(std::span<const float> gradient, std::span<float> parameters,
                           Moments& moments, size_t at) const {
  const std::span<float> first = std::span(moments.first).subspan(at, gradient.size());
  if (optimizer == v1::Optimizer::SGD) {
    SgdUpdate(learning_rate, momentum, gradient, parameters, first);
    return;
  }
  const std::span<float> second = std::span(moments.second).subspan(at, gradient.size());
  if (optimizer == v1::Optimizer::ADAMAX) {
    AdamaxUpdate(adam, gradient, parameters, first, second);
  } else {
    AdamUpdate(adam, gradient, parameters, first, second);
  }
}

std::unique_ptr<LayerTrainer> NewLayerTrainer(const RateLayerShape& shape,
                                              v1::Optimizer::Kind optimizer,
                                              TrainingContext* context) {
  std::unique_ptr<LayerTrainer> trainer;
  switch (shape.kind) {
    case RateLayerKind::kDense:
      trainer = std::make_unique<DenseTrainer>(shape, context);
      break;
    case RateLayerKind::kConv2d:
      trainer = std::make_unique<Conv2dTrainer>(shape, context);
      break;
    default:
      trainer = std::make_unique<Pool2dTrainer>(shape, context);
      break;
  }
  trainer->weight_moments.Resize(context->biases_only ? 0 : static_cast<size_t>(shape.synapses()),
                                 optimizer);
  trainer->bias_moments.Resize(static_cast<size_t>(shape.biases()), optimizer);
  return trainer;
}

ConstMatrixView Tile(ConstMatrixView m, Eigen::Index row, Eigen::Index rows, Eigen::Index column,
                     Eigen::Index columns) {
  return ConstMatrixView(m.data() + row * m.outerStride() + column, rows, columns,
                         Eigen::OuterStride<>(m.outerStride()));
}

MatrixView Tile(MatrixView m, Eigen::Index row, Eigen::Index rows, Eigen::Index column,
                Eigen::Index columns) {
  return MatrixView(m.data() + row * m.outerStride() + column, rows, columns,
                    Eigen::OuterStride<>(m.outerStride()));
}

std::span<float> RowSpan(MatrixView m, Eigen::Index row) {
  return {m.data() + row * m.outerStride(), static_cast<size_t>(m.cols())};
}

std::span<const float> RowSpan(ConstMatrixView m, Eigen::Index row) {
  return {m.data() + row * m.outerStride(), static_cast<size_t>(m.cols())};
}

MatrixView NoMatrix() { return MatrixView(nullptr, 0, 0, Eigen::OuterStride<>(0)); }

}  // namespace torpor
