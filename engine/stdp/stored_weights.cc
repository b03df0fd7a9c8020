#include "engine/stdp/stored_weights.h"

#include "engine/quantize/quantise.h"

namespace torpor {
namespace {

// Numbers of the rounding's tensors.
constexpr uint32_t kWeights = 0;
constexpr uint32_t kThetas = 1;
// Codes have at most so many bits.
constexpr int kMostCodeBits = 16;

}  // namespace

void StoreWeights(const v1::Quantization& quantization, std::vector<float>& weights) {
  if (!quantization.has_weight_bits()) return;
  Quantise(weights, StdpWeightFormat(quantization.weight_bits()), quantization.rounding(),
           {.tensor = kWeights}, weights);
}

void StoreThetas(const v1::Quantization& quantization, std::vector<float>& theta) {
  if (!quantization.has_neuron_bits()) return;
  Quantise(theta, StdpNeuronFormat(quantization), quantization.rounding(), {.tensor = kThetas},
           theta);
}

WeightRows RowsOf(const StdpPlan& plan, std::span<const float> weights,
                  const v1::Quantization& quantization) {
  const StdpParameters& p = plan.parameters;
  if (quantization.has_weight_bits() && quantization.weight_bits() <= kMostCodeBits) {
    return WeightRows::Codes(weights, p.inputs, p.neurons,
                             StdpWeightFormat(quantization.weight_bits()));
  }
  return WeightRows::Floats(weights, p.inputs, p.neurons);
}

}  // namespace torpor
