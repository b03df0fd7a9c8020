// Training in integers (WAGE; Wu et al., 2018; schaefer.md, sections 2 and 6): the operations on
// weights W, membranes A, gradients G and errors E, each with bits of its own. b bits are steps of
// 2^(1 - b) within +-(1 - step).
//
// One step of training: WageWeights makes the weights of the pass of the stored ones; the pass
// decides spikes and surrogate gradients by WageMembrane; each layer's error, after the adjoint
// scan, goes through WageErrors before it is used further, on one scale for the batch
// (integer_errors.h); the sum of a batch's gradients changes the stored weights by WageUpdate. All
// bits are in 2..16. `out` is the input or overlaps nothing of it.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "engine/quantize/quantise.h"
#include "torpor/v1/quantization.pb.h"

namespace torpor {

// Distance between numbers of `bits`, and the largest.
inline float WageStep(int bits) { return std::ldexp(1.0f, 1 - bits); }
inline float WageHighest(int bits) { return 1 - WageStep(bits); }

// What an initial distribution of weights is and what they are divided by.
struct WageLayer {
  // Fresh weights are uniform in +-bound.
  float bound = 0;
  // A power of two, >= 1: stored weights are larger than the network's by this.
  float scale = 1;
};

// `limit` is the bound that weights in floats would have, e.g. sqrt(3 / inputs of a neuron). With
// W_m = 1 - step / 2 of `weight_bits`: bound = max(W_m, limit), scale = max(1, 2^round(log2(W_m /
// limit))).
WageLayer WageLayerOf(int weight_bits, float limit);

// out = stored rounded to `weight_bits`, halves to even (both signs alike), divided by the scale.
void WageWeights(std::span<const float> stored, int weight_bits, float scale, std::span<float> out);

// The copy of U - threshold, x, that stands in its place: x / 2 in `bits`, times 2.
inline float WageMembrane(float x, int bits) {
  const float highest = WageHighest(bits), half = x / 2;
  const float clipped = half < -highest ? -highest : half > highest ? highest : half;
  return 2 * WageStep(bits) * std::nearbyint(std::ldexp(clipped, bits - 1));
}

// max |x|; 0 of none.
float MaxAbs(std::span<const float> values);
// 2^round(log2(max)), the power of two that is nearest in ratio; 1 for 0.
float WageShift(float max);

// out = errors / shift, clipped, rounded to `bits`, and left at that scale. Rounding UNSPECIFIED is
// STOCHASTIC here and below.
void WageErrors(std::span<const float> errors, float shift, int bits, v1::Rounding::Kind rounding,
                const RoundingKey& key, std::span<float> out);

// stored -= round(factor gradient / shift) 2^(1 - gradient_bits), then clipped. A shift of the
// gradient's own brings it to +-1.41, so `factor` is about the largest change in steps: the
// learning rate.
void WageUpdate(std::span<const float> gradient, float shift, float factor, int gradient_bits,
                v1::Rounding::Kind rounding, const RoundingKey& key, std::span<float> stored);

}  // namespace torpor
