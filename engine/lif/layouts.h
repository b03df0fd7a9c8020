// Orders of numbers at the border, where images are [channels x height x width], and inside the
// family, where they are [height x width x channels] and weights lie by input (synapses.h).
//
// `from` and `to` are as long as the shapes say and do not overlap.
#pragma once

#include <cstdint>
#include <span>

#include "engine/lif/conv_shape.h"

namespace torpor {

// An image of one sample, or any other thing with a number for each of its units.
struct LifImage {
  int channels = 1;
  int height = 1;
  int width = 1;

  int units() const { return channels * height * width; }
};

// The family's number of a unit that the border numbers (channel, row, column), and back.
inline uint32_t UnitOf(const LifImage& image, uint32_t border) {
  const auto plane = static_cast<uint32_t>(image.height * image.width);
  return border % plane * static_cast<uint32_t>(image.channels) + border / plane;
}
inline uint32_t BorderOf(const LifImage& image, uint32_t unit) {
  const auto channels = static_cast<uint32_t>(image.channels);
  return unit % channels * static_cast<uint32_t>(image.height * image.width) + unit / channels;
}

// Units.
template <typename T>
void UnitsFromBorder(const LifImage& image, std::span<const T> from, std::span<T> to) {
  for (uint32_t i = 0; i < from.size(); ++i) to[UnitOf(image, i)] = from[i];
}
template <typename T>
void UnitsToBorder(const LifImage& image, std::span<const T> from, std::span<T> to) {
  for (uint32_t i = 0; i < from.size(); ++i) to[BorderOf(image, i)] = from[i];
}

// Border [channels x input channels x kernel height x kernel width], family [input channels x
// kernel height x kernel width x channels].
void ConvWeightsFromBorder(const LifConvShape& shape, std::span<const float> from,
                           std::span<float> to);
void ConvWeightsToBorder(const LifConvShape& shape, std::span<const float> from,
                         std::span<float> to);

// Border [units x inputs], family [inputs x units]. `below` is what the layer stands on, its units
// the inputs; for a layer that stands on a list, {.channels = inputs}.
void DenseWeightsFromBorder(int units, const LifImage& below, std::span<const float> from,
                            std::span<float> to);
void DenseWeightsToBorder(int units, const LifImage& below, std::span<const float> from,
                          std::span<float> to);

}  // namespace torpor
