// Weights as a network runs on them: brought to the bits that they are stored in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/lif/definition.h"
#include "engine/lif/weights.h"
#include "torpor/v1/memory.pb.h"

namespace torpor {

// Weights of so many bits and above are float32.
inline constexpr int kLifFloatBits = 17;

// Of the learned weights, what the passes run on, in both training and inference: rounded to the
// definition's bits (LifQuantization), or to `bits` where given. RANGE by layer, recurrent weights
// apart; WAGE with the layer's power of two, which a WAGE network's weights are divided by at any
// number of bits.
LifParameters StoredLifWeights(const LifDefinition& definition, const LifParameters& learned,
                               std::optional<int> bits = std::nullopt);

// The arrays that a memory would hold (Model::WeightArrays), recurrent weights as arrays of their
// own: "<layer>-recurrent".
std::vector<v1::WeightArray> LifWeightArrays(const LifDefinition& definition,
                                             const LifParameters& learned, std::optional<int> bits);

// The power of two of a WAGE layer's weights.
float WageScaleOf(const LifDefinition& definition, const LifLayerShape& layer);

}  // namespace torpor
