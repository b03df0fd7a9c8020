// Weights as a network stores them.
#pragma once

#include <span>
#include <vector>

#include "engine/stdp/plan.h"
#include "engine/stdp/weight_rows.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// Weights [inputs x neurons] and thresholds [neurons] brought to so many bits; those that are unset
// stay. Noise of STOCHASTIC is a function of the place alone.
void StoreWeights(const v1::Quantization& quantization, std::vector<float>& weights);
void StoreThetas(const v1::Quantization& quantization, std::vector<float>& theta);

// The rows of weights that StoreWeights has brought to these bits: bytes or 16-bit words where they
// fit, else floats.
WeightRows RowsOf(const StdpPlan& plan, std::span<const float> weights,
                  const v1::Quantization& quantization);

}  // namespace torpor
