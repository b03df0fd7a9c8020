// One convolution's memory layout, and its forward and backward pass for one sample.
//
// The sample is spread into an image with its padding, cut by the stride into phases
// [phase x channels x rows x columns]: tap (i, j) of the kernel then sees, for all places, one
// contiguous run of the image from its own offset (window_products.h), whatever the stride is. Sums
// come out with the image's row length; what lies between the rows of places is left behind when
// they are gathered.
//
// All of it is per sample and in a fixed order, so no result depends on batches or threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "engine/rate/definition.h"
#include "engine/rate/window_products.h"

namespace torpor {

// Immutable; thread-safe. The memory is the caller's.
class Conv2d {
 public:
  // `shape` is a resolved convolution.
  explicit Conv2d(const RateLayerShape& shape);

  // Floats of a spread sample and of its sums.
  int64_t image_size() const { return image_size_; }
  int64_t sums_size() const { return units_ * sums_row_; }

  // sample [channels x height x width] into `image`, all of which is written.
  void Spread(std::span<const float> sample, float* image) const;
  // sums = W image for weight [units x fan_in]. Returns the cancellation's status, which it asks
  // about every few milliseconds.
  absl::Status Products(std::span<const float> weight, const float* image, float* sums,
                        const Cancellation& cancellation) const;
  // out [units x places] = sums without the gaps between rows.
  void Gather(const float* sums, std::span<float> out) const;

  // Floats of a spread delta, of weights turned for Backward and of the gradient of an image.
  int64_t delta_size() const { return delta_size_; }
  int64_t turned_size() const { return units_ * taps_ * channels_; }
  int64_t image_gradient_size() const { return phases() * channels_ * plane_row_; }

  // delta [units x places] into `spread`, all of which is written.
  void SpreadDelta(std::span<const float> delta, float* spread) const;
  // The weights in the order in which Backward reads them.
  void Turn(std::span<const float> weight, float* turned) const;
  // input_gradient [channels x height x width] = dL/du from the spread delta; `image_gradient` is
  // scratch.
  void Backward(const float* turned, const float* spread_delta, float* image_gradient,
                std::span<float> input_gradient) const;
  // gradient [units x fan_in] += dL/dW of `count` samples, their images image_size() and their
  // spread deltas delta_size() apart.
  void AddWeightGradient(int64_t count, const float* images, const float* spread_deltas,
                         float* gradient) const;

 private:
  // Taps of one phase of the stride.
  struct Phase {
    // Rows of X for Backward: where each unit's delta begins, shifted by the tap.
    std::vector<int32_t> offsets;
    // Position of each of them within one input channel's taps.
    std::vector<int32_t> taps;
  };
  int64_t phases() const { return static_cast<int64_t>(backward_.size()); }
  // Calls body(sample offset, image offset, length) for runs of one row of one phase; positions in
  // the sample are `step` apart.
  template <typename Body>
  void ForEachRun(int64_t image_channel_stride, Body body) const;

  RateLayerShape shape_;
  int64_t units_, channels_, taps_;
  // Phases of the stride that some tap sees, in each direction.
  int phase_rows_, phase_columns_;
  // Rows and columns of one phase, and their product.
  int64_t rows_, columns_, plane_;
  // Places in the image's row length.
  int64_t run_;
  int64_t sums_row_, plane_row_;
  // Zeros before the first delta, and distance of two units' deltas, whose gaps are zeros.
  int64_t lead_, delta_row_;
  int64_t image_size_, delta_size_;
  // Rows of X for Products: [channels x kernel height x kernel width].
  std::vector<int32_t> offsets_;
  std::vector<Phase> backward_;
};

}  // namespace torpor
