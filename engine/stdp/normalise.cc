#include "engine/stdp/normalise.h"

namespace torpor {

// Row by row, so that the columns' sums do not wait for one another.
void NormaliseColumns(std::span<const uint32_t> neurons, float norm, int step,
                      PlasticWeights& weights, std::vector<double>& sums) {
  const uint32_t inputs = static_cast<uint32_t>(weights.inputs());
  sums.assign(neurons.size(), 0.0);
  for (uint32_t i = 0; i < inputs; ++i) {
    for (size_t n = 0; n < neurons.size(); ++n) sums[n] += weights.At(i, neurons[n]);
  }
  for (size_t n = 0; n < neurons.size(); ++n) {
    if (sums[n] <= 0) continue;
    const float factor = static_cast<float>(norm / sums[n]);
    for (uint32_t i = 0; i < inputs; ++i) {
      weights.Write(i, neurons[n], step, weights.At(i, neurons[n]) * factor);
    }
  }
}

}  // namespace torpor
