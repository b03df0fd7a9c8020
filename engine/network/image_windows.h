// Windows over images: convolution and pooling, checked and resolved into sizes.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/status.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// Values [channels x height x width] of one sample, in that order.
struct ImageShape {
  int channels = 0;
  int height = 0;
  int width = 0;
  int64_t values() const { return int64_t{channels} * height * width; }
  int64_t plane() const { return int64_t{height} * width; }
};

// One number for each direction of an image.
struct HeightWidth {
  int height = 0;
  int width = 0;
};

// Where windows stand. All zeros where a layer has none.
struct ImageWindows {
  ImageShape input_image = {};
  ImageShape output_image = {};
  HeightWidth kernel = {};
  HeightWidth stride = {};
  HeightWidth padding = {};
};

// What one layer hands to the next.
struct LayerFlow {
  // Values of a sample; 0 where a wrong field before leaves it unknown, and then nothing that
  // follows from it is reported.
  int64_t values = 0;
  // The image that they are; no channels where they are a plain list.
  ImageShape image = {};
};

// An input of [channels, height, width] or [height, width] is an image. `values` is its checked
// product.
LayerFlow InputFlow(const v1::Input& input, int64_t values);

// The fields of a convolution, of whichever family.
struct ConvolutionFields {
  using Sizes = google::protobuf::RepeatedField<int32_t>;
  int32_t channels;
  const Sizes& kernel;
  const Sizes& stride;
  const Sizes& padding;
};

// Fill `windows` from the definition and what comes in. Wrong fields are added below `path`, e.g.
// "rate.layers[1].conv2d"; the flow is then unknown. Nothing is allocated, and every product stays
// below 2^31 (kMaxDimension, kMaxSynapses), weights of a unit and all weights too.
LayerFlow ResolveConvolution(const ConvolutionFields& fields, const std::string& path,
                             const LayerFlow& input, ImageWindows& windows, Violations& violations);
LayerFlow ResolvePooling(const v1::PoolLayer& layer, const std::string& path,
                         const LayerFlow& input, ImageWindows& windows, Violations& violations);

}  // namespace torpor
