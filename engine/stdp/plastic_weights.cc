#include "engine/stdp/plastic_weights.h"

#include <algorithm>

#include "engine/base/status.h"

namespace torpor {

PlasticWeights::PlasticWeights(std::span<const float> weights, int inputs, int neurons, float most,
                               const std::optional<WeightFormat>& format)
    : rows_(WeightRows::Floats(weights, inputs, neurons)),
      values_(rows_.floats()),
      padded_(static_cast<size_t>(rows_.padded())),
      most_(most),
      rounds_(format.has_value()) {
  TORPOR_CHECK(most > 0);
  const size_t size = static_cast<size_t>(inputs) * padded_;
  for (size_t k = 0; k < size; ++k) values_[k] = std::clamp(values_[k], 0.0f, most);
  if (!rounds_) return;
  rounder_ = Rounder(format->format, format->rounding);
  seed_ = format->seed;
  const Rounder nearest(format->format, v1::Rounding::NEAREST);
  for (size_t k = 0; k < size; ++k) values_[k] = nearest(values_[k], 0);
}

void PlasticWeights::Begin(uint64_t sample) {
  if (rounds_) noise_ = Noise(seed_, Noise::kWeights, sample);
}

}  // namespace torpor
