#include "engine/rate/image_layers.h"

namespace torpor {
namespace {

// Sizes of what enters and leaves, where they are known.
LayerFlow Sized(const LayerFlow& output, RateLayerShape& shape) {
  if (output.values == 0) return output;
  shape.inputs = static_cast<int>(shape.input_image.values());
  shape.outputs = static_cast<int>(shape.output_image.values());
  return output;
}

}  // namespace

LayerFlow ResolveConv2d(const v1::Conv2dLayer& layer, const std::string& path,
                        const LayerFlow& input, RateLayerShape& shape, Violations& violations) {
  shape.kind = RateLayerKind::kConv2d;
  shape.has_bias = !layer.without_bias();
  const LayerFlow output =
      ResolveConvolution({layer.channels(), layer.kernel(), layer.stride(), layer.padding()}, path,
                         input, shape, violations);
  if (output.values > 0) {
    shape.units = layer.channels();
    shape.fan_in = shape.input_image.channels * shape.kernel.height * shape.kernel.width;
    shape.places = static_cast<int>(shape.output_image.plane());
  }
  return Sized(output, shape);
}

LayerFlow ResolvePool(const v1::PoolLayer& layer, const std::string& path, const LayerFlow& input,
                      RateLayerShape& shape, Violations& violations) {
  shape.has_bias = false;
  return Sized(ResolvePooling(layer, path, input, shape, violations), shape);
}

}  // namespace torpor
