#include "engine/rate/layer_pass.h"

#include <utility>

#include "engine/base/status.h"
#include "engine/rate/kernels.h"
#include "engine/rate/pool2d.h"

namespace torpor {
namespace {

std::span<float> RowOf(Matrix& m, Eigen::Index p) {
  return {m.data() + p * m.cols(), static_cast<size_t>(m.cols())};
}
std::span<const float> RowOf(const Matrix& m, Eigen::Index p) {
  return {m.data() + p * m.cols(), static_cast<size_t>(m.cols())};
}

}  // namespace

LayerPass::LayerPass(const RateLayerShape& shape, const RateLayerParameters& parameters)
    : shape_(&shape), parameters_(&parameters) {
  if (shape.kind != RateLayerKind::kConv2d) return;
  conv_.emplace(shape);
  turned_.resize(static_cast<size_t>(conv_->turned_size()));
  conv_->Turn({parameters.weight.data(), static_cast<size_t>(parameters.weight.size())},
              turned_.data());
}

absl::Status LayerPass::Forward(const Matrix& inputs, Matrix& s,
                                const Cancellation& cancellation) const {
  s.resize(inputs.rows(), shape_->outputs);
  switch (shape_->kind) {
    case RateLayerKind::kDense:
      GemmAbt(View(inputs), View(parameters_->weight), 0, View(s));
      break;
    case RateLayerKind::kConv2d: {
      std::vector<float> image(static_cast<size_t>(conv_->image_size()));
      std::vector<float> sums(static_cast<size_t>(conv_->sums_size()));
      const Matrix& weight = parameters_->weight;
      for (Eigen::Index p = 0; p < inputs.rows(); ++p) {
        conv_->Spread(RowOf(inputs, p), image.data());
        TORPOR_RETURN_IF_ERROR(conv_->Products({weight.data(), static_cast<size_t>(weight.size())},
                                               image.data(), sums.data(), cancellation));
        conv_->Gather(sums.data(), RowOf(s, p));
      }
      break;
    }
    case RateLayerKind::kAvgPool2d:
    case RateLayerKind::kMaxPool2d:
      for (Eigen::Index p = 0; p < inputs.rows(); ++p) {
        PoolForward(*shape_, RowOf(inputs, p), RowOf(s, p));
      }
      break;
    case RateLayerKind::kFlatten:
      s = inputs;
      break;
  }
  if (parameters_->bias.empty()) return absl::OkStatus();
  for (Eigen::Index p = 0; p < s.rows(); ++p) {
    float* value = s.data() + p * s.cols();
    for (float b : parameters_->bias) {
      for (int at = 0; at < shape_->places; ++at) *value++ += b;
    }
  }
  return absl::OkStatus();
}

void LayerPass::Backward(const Matrix& inputs, const Matrix& outputs, const Matrix& delta,
                         Matrix& back) const {
  back.resize(delta.rows(), shape_->inputs);
  switch (shape_->kind) {
    case RateLayerKind::kDense:
      GemmAb(View(delta), View(parameters_->weight), 0, View(back));
      break;
    case RateLayerKind::kConv2d: {
      std::vector<float> spread(static_cast<size_t>(conv_->delta_size()));
      std::vector<float> gradient(static_cast<size_t>(conv_->image_gradient_size()));
      for (Eigen::Index p = 0; p < delta.rows(); ++p) {
        conv_->SpreadDelta(RowOf(delta, p), spread.data());
        conv_->Backward(turned_.data(), spread.data(), gradient.data(), RowOf(back, p));
      }
      break;
    }
    case RateLayerKind::kAvgPool2d:
    case RateLayerKind::kMaxPool2d:
      for (Eigen::Index p = 0; p < delta.rows(); ++p) {
        PoolBackward(*shape_, RowOf(inputs, p), RowOf(outputs, p), RowOf(delta, p), RowOf(back, p));
      }
      break;
    case RateLayerKind::kFlatten:
      back = delta;
      break;
  }
}

}  // namespace torpor
