// From a resolved definition to what a pass goes through.
#pragma once

#include "engine/lif/conv_shape.h"
#include "engine/lif/definition.h"
#include "engine/lif/layouts.h"
#include "engine/lif/network_plan.h"

namespace torpor {

LifConvShape ConvShapeOf(const LifLayerShape& shape);

// What layer `layer` stands on: an image where convolution or pooling came before, else a list. In
// the first layer the sample, which is an image to convolution and pooling alone.
LifImage ImageBelow(const LifDefinition& definition, size_t layer);

// Layers but flatten, which changes nothing here. `by_events`: synapses never go by dense products,
// so that a sample in pieces has the bits of one in one piece.
LifPlan PlanOf(const LifDefinition& definition, const LifSurrogate& surrogate,
               bool by_events = false);

}  // namespace torpor
