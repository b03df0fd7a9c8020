// Pooling of one sample, by channel: the mean or the largest value of each window. Windows that do
// not fit wholly are left out. No weights and no synaptic power.
#pragma once

#include <span>

#include "engine/rate/definition.h"

namespace torpor {

// `shape` is a resolved pooling layer. inputs [channels x height x width], outputs [channels x
// output height x output width].
void PoolForward(const RateLayerShape& shape, std::span<const float> inputs,
                 std::span<float> outputs);
// input_delta = dL/du from delta = dL/dx. Of equal largest values, the first of the window in row
// order takes the delta.
void PoolBackward(const RateLayerShape& shape, std::span<const float> inputs,
                  std::span<const float> outputs, std::span<const float> delta,
                  std::span<float> input_delta);

// The plain loops that the tests compare with.
void ReferencePoolForward(const RateLayerShape& shape, std::span<const float> inputs,
                          std::span<float> outputs);
void ReferencePoolBackward(const RateLayerShape& shape, std::span<const float> inputs,
                           std::span<const float> delta, std::span<float> input_delta);

}  // namespace torpor
