// Connections of a convolution.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/lif/conv_shape.h"
#include "engine/lif/synapses.h"

namespace torpor {

// A spike reaches a small patch of places; at each it adds one contiguous span of weights, one for
// each channel. Where spikes are dense, windows are copied out and multiplied as matrices instead.
//
// Which way is taken depends on a sample's density alone, so results do not depend on its
// neighbours in a batch. The two ways differ in rounding: a stream that is cut into chunks must
// always go by events to have the same bits as in one piece. Immutable; thread-safe.
class ConvSynapses final : public LifSynapses {
 public:
  // By measured density, or always one way: for tests and measurements.
  enum class Path { kByDensity, kEvents, kDense };
  // Spikes a unit and step above which matrices are faster than events for drive and weight
  // gradient alike. Measured (AVX-512, 12 steps): they cross at 0.15 to 0.45 for kernels of 3x3 and
  // 5x5, 1 to 32 input channels and 12 to 64 channels.
  static constexpr double kDenseDensity = 0.3;

  // `shape` is one with outputs: no kernel beyond the padded image.
  explicit ConvSynapses(const LifConvShape& shape, Path path = Path::kByDensity);

  const LifConvShape& shape() const { return shape_; }
  int inputs() const override { return shape_.inputs(); }
  int outputs() const override { return shape_.outputs(); }
  int64_t weights() const override { return shape_.weights(); }
  int64_t FanOut(uint32_t input) const override;

  void AddDrive(std::span<const float> weights, const LifSpikes& spikes,
                MatrixView drive) const override;
  void AddWeightGradient(const LifSpikes& spikes, ConstMatrixView errors,
                         std::span<float> gradient) const override;
  void InputErrors(std::span<const float> weights, ConstMatrixView errors,
                   MatrixView input_errors) const override;
  void AddCurrentDrive(std::span<const float> weights, std::span<const float> currents,
                       std::span<float> drive) const override;
  void AddCurrentGradient(std::span<const float> currents, std::span<const float> errors,
                          std::span<float> gradient) const override;

  // What the spikes of one pixel reach.
  struct Reach {
    // Floats from the first place, channel 0, of its topmost row; and from the weight that this
    // place has for the pixel, of input channel 0.
    int32_t place = 0;
    int32_t tap = 0;
    // Places down and to the right. The kernel's taps go up and left as they do.
    int32_t rows = 0;
    int32_t columns = 0;
  };

 private:
  bool Dense(const LifSpikes& spikes) const;
  void AddDenseDrive(std::span<const float> weights, const LifSpikes& spikes,
                     MatrixView drive) const;
  void AddDenseGradient(const LifSpikes& spikes, ConstMatrixView errors,
                        std::span<float> gradient) const;

  // use(taps down, taps to the right) of the windows of places first, first + 1, ..
  template <typename Use>
  void ForEachPlace(int64_t first, int64_t count, Use use) const;
  // Windows of an image from place `first` on, one a row: [count x (kernel row, kernel column,
  // input channel)].
  void CopyWindows(const float* image, int64_t first, int64_t count, float* windows) const;
  // The adjoint.
  void AddWindows(const float* windows, int64_t first, int64_t count, float* image) const;
  // Of one step; `windows` has room for PlacesAtOnce.
  void AddImageDrive(const float* by_window, const float* image, float* windows,
                     float* drive) const;
  void AddImageGradient(const float* image, const float* errors, float* windows,
                        float* by_window) const;
  // [kernel row x kernel column x input channel x channel] of the family's order, and back.
  void WindowWeights(const float* weights, float* by_window) const;
  void AddWindowGradient(const float* by_window, float* gradient) const;
  // Windows that are written out at once: of places, so that memory does not go with their number;
  // and of steps, where they have few.
  int64_t PlacesAtOnce() const;
  int64_t StepsAtOnce() const;

  LifConvShape shape_;
  Path path_;
  // [input height x input width].
  std::vector<Reach> reach_;
};

}  // namespace torpor
