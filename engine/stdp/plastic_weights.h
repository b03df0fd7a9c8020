// Weights while they are learned: one way to write, which clamps and rounds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/stdp/noise.h"
#include "engine/stdp/parameters.h"
#include "engine/stdp/rounder.h"
#include "engine/stdp/weight_rows.h"

namespace torpor {

// Not thread-safe.
class PlasticWeights {
 public:
  // `weights`: [inputs x neurons]; they are clamped to [0, most] and, with a format, rounded to the
  // nearest of its numbers.
  PlasticWeights(std::span<const float> weights, int inputs, int neurons, float most,
                 const std::optional<WeightFormat>& format);

  // Noise of STOCHASTIC is a function of (seed, sample, step, synapse): one write of a synapse a
  // step.
  void Begin(uint64_t sample);

  const WeightRows& rows() const { return rows_; }
  int inputs() const { return rows_.inputs(); }
  // Upper bound of a weight.
  float most() const { return most_; }
  float At(uint32_t input, uint32_t neuron) const { return values_[Place(input, neuron)]; }
  void Write(uint32_t input, uint32_t neuron, int step, float w) {
    w = w < 0 ? 0 : w;
    w = w > most_ ? most_ : w;
    if (rounds_) {
      w = rounder_(w, rounder_.stochastic ? noise_.At(step, input, neuron) : 0.0f);
    }
    values_[Place(input, neuron)] = w;
  }

 private:
  size_t Place(uint32_t input, uint32_t neuron) const { return input * padded_ + neuron; }

  WeightRows rows_;
  float* values_;
  size_t padded_;
  float most_;
  bool rounds_;
  uint64_t seed_ = 0;
  Rounder rounder_;
  Noise noise_;
};

}  // namespace torpor
