// Layers of a rate network that work on images, resolved.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/rate/definition.h"

namespace torpor {

// Fill `shape` (kind, sizes, windows) from the definition and what comes in. Wrong fields are added
// below `path`, e.g. "rate.layers[1].conv2d"; the flow is then unknown.
LayerFlow ResolveConv2d(const v1::Conv2dLayer& layer, const std::string& path,
                        const LayerFlow& input, RateLayerShape& shape, Violations& violations);
// `shape.kind` says which pooling.
LayerFlow ResolvePool(const v1::PoolLayer& layer, const std::string& path, const LayerFlow& input,
                      RateLayerShape& shape, Violations& violations);

}  // namespace torpor
