// Checking and resolving the layers that work on images.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/rate/definition.h"

namespace torpor {

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

// Fill `shape` (kind, sizes, windows) from the definition and what comes in. Wrong fields are added
// below `path`, e.g. "rate.layers[1].conv2d"; the flow is then unknown. Nothing is allocated, and
// every product stays below 2^31 (kMaxDimension, kMaxSynapses).
LayerFlow ResolveConv2d(const v1::Conv2dLayer& layer, const std::string& path,
                        const LayerFlow& input, RateLayerShape& shape, Violations& violations);
// `shape.kind` says which pooling.
LayerFlow ResolvePool(const v1::PoolLayer& layer, const std::string& path, const LayerFlow& input,
                      RateLayerShape& shape, Violations& violations);

}  // namespace torpor
