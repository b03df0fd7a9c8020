#include "engine/lif/plan_of.h"

#include <memory>
#include <utility>

#include "engine/lif/conv_synapses.h"

namespace torpor {
namespace {

LifImage ImageOf(const ImageShape& image) {
  return {.channels = image.channels, .height = image.height, .width = image.width};
}

std::shared_ptr<const DenseSynapses> Dense(int inputs, int outputs, bool by_events) {
  return std::make_shared<const DenseSynapses>(
      inputs, outputs, by_events ? DenseSynapses::Path::kEvents : DenseSynapses::Path::kByDensity);
}

LifLayerPlan LayerOf(const LifLayerShape& shape, bool by_events) {
  LifLayerPlan layer;
  layer.neuron = shape.neuron;
  switch (shape.kind) {
    case LifLayerKind::kDense:
      layer.synapses = Dense(shape.inputs, shape.units, by_events);
      // One step at a time.
      if (shape.recurrent) layer.recurrent = Dense(shape.units, shape.units, true);
      break;
    case LifLayerKind::kConv2d:
      layer.synapses = std::make_shared<const ConvSynapses>(
          ConvShapeOf(shape),
          by_events ? ConvSynapses::Path::kEvents : ConvSynapses::Path::kByDensity);
      break;
    case LifLayerKind::kAvgPool2d:
      layer.pool =
          std::make_shared<const LifPooling>(LifPoolShape{.below = ImageOf(shape.input_image),
                                                          .kernel_height = shape.kernel.height,
                                                          .kernel_width = shape.kernel.width,
                                                          .stride_height = shape.stride.height,
                                                          .stride_width = shape.stride.width});
      break;
    case LifLayerKind::kFlatten:
      break;
  }
  return layer;
}

}  // namespace

LifConvShape ConvShapeOf(const LifLayerShape& shape) {
  return {.input_channels = shape.input_image.channels,
          .input_height = shape.input_image.height,
          .input_width = shape.input_image.width,
          .channels = shape.units,
          .kernel_height = shape.kernel.height,
          .kernel_width = shape.kernel.width,
          .stride_height = shape.stride.height,
          .stride_width = shape.stride.width,
          .padding_height = shape.padding.height,
          .padding_width = shape.padding.width};
}

LifImage ImageBelow(const LifDefinition& definition, size_t layer) {
  const LifLayerShape& own = definition.layers[layer];
  if (own.input_image.channels > 0) return ImageOf(own.input_image);
  for (size_t l = layer; l-- > 0;) {
    const LifLayerShape& below = definition.layers[l];
    if (below.kind == LifLayerKind::kFlatten) continue;
    if (below.output_image.channels > 0) return ImageOf(below.output_image);
    break;
  }
  return {.channels = own.inputs};
}

LifPlan PlanOf(const LifDefinition& definition, const LifSurrogate& surrogate, bool by_events) {
  LifPlan plan;
  plan.order = definition.order;
  plan.steps = definition.steps;
  plan.integrates = definition.integrates;
  plan.surrogate = surrogate;
  for (const LifLayerShape& shape : definition.layers) {
    if (shape.kind != LifLayerKind::kFlatten) plan.layers.push_back(LayerOf(shape, by_events));
  }
  return plan;
}

}  // namespace torpor
