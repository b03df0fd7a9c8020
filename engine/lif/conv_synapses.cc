#include "engine/lif/conv_synapses.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Floats of windows that are multiplied at once: they stay in the second cache.
constexpr int64_t kWindowFloats = 1 << 16;

using Scratch = std::unique_ptr<float[]>;
Scratch NewScratch(int64_t floats) {
  return std::make_unique_for_overwrite<float[]>(static_cast<size_t>(floats));
}

const float* RowOf(const ConstMatrixView& m, int64_t row) {
  return m.data() + row * m.outerStride();
}
float* RowOf(MatrixView& m, int64_t row) { return m.data() + row * m.outerStride(); }

// Rows without gaps.
ConstMatrixView Block(const float* data, int64_t rows, int64_t columns) {
  return ConstMatrixView(data, rows, columns, Eigen::OuterStride<>(columns));
}
MatrixView Block(float* data, int64_t rows, int64_t columns) {
  return MatrixView(data, rows, columns, Eigen::OuterStride<>(columns));
}
ConstMatrixView Block(const Scratch& data, int64_t rows, int64_t columns) {
  return Block(static_cast<const float*>(data.get()), rows, columns);
}

// First and number of the windows along one axis that see `at`.
struct Axis {
  int first, count;
};
Axis WindowsThatSee(int at, int kernel, int stride, int padding, int outputs) {
  const int last = std::min((at + padding) / stride, outputs - 1);
  const int below = at + padding - kernel;
  const int first = below < 0 ? 0 : below / stride + 1;
  return {first, std::max(last - first + 1, 0)};
}

// Where an event's patch begins, and how far apart its rows and columns are, on both sides.
struct Patch {
  int64_t to_row, to_column, from_row, from_column;
};

// to[r, c] += from[r, c], spans of n floats.
template <int kChannels>
[[gnu::always_inline]] inline void AddPatch(const Patch& patch, int rows, int columns, int n,
                                            const float* __restrict from, float* __restrict to) {
  const int channels = kChannels > 0 ? kChannels : n;
  for (int r = 0; r < rows; ++r) {
    const float* source = from + r * patch.from_row;
    float* target = to + r * patch.to_row;
    for (int c = 0; c < columns; ++c) {
      for (int k = 0; k < channels; ++k) target[k] += source[k];
      source += patch.from_column;
      target += patch.to_column;
    }
  }
}

// One step's spikes and what they meet: floats of all weights of an input channel, channels of a
// place, and where the taps go as places go on.
struct StepEvents {
  std::span<const uint32_t> spikes;
  const ConvSynapses::Reach* reach;
  uint32_t input_channels;
  int64_t channel_weights;
  int64_t place_row, place_column, tap_row, tap_column;
  int channels;
};

template <int kChannels>
[[gnu::always_inline]] inline void AddDriveOf(const StepEvents& step, const float* weights,
                                              float* drive) {
  const Patch patch = {step.place_row, step.place_column, step.tap_row, step.tap_column};
  for (const uint32_t spike : step.spikes) {
    const uint32_t pixel = spike / step.input_channels;
    const ConvSynapses::Reach& reach = step.reach[pixel];
    const int64_t channel = spike - pixel * step.input_channels;
    AddPatch<kChannels>(patch, reach.rows, reach.columns, step.channels,
                        weights + channel * step.channel_weights + reach.tap, drive + reach.place);
  }
}

template <int kChannels>
[[gnu::always_inline]] inline void AddGradientOf(const StepEvents& step, const float* errors,
                                                 float* gradient) {
  const Patch patch = {step.tap_row, step.tap_column, step.place_row, step.place_column};
  for (const uint32_t spike : step.spikes) {
    const uint32_t pixel = spike / step.input_channels;
    const ConvSynapses::Reach& reach = step.reach[pixel];
    const int64_t channel = spike - pixel * step.input_channels;
    AddPatch<kChannels>(patch, reach.rows, reach.columns, step.channels, errors + reach.place,
                        gradient + channel * step.channel_weights + reach.tap);
  }
}

// Numbers of channels that are common get loops of constant length. No product is in them: every
// instruction set gives the same bits.
TORPOR_SIMD void AddStepDrive(const StepEvents& step, const float* weights, float* drive) {
  switch (step.channels) {
    case 8:
      return AddDriveOf<8>(step, weights, drive);
    case 16:
      return AddDriveOf<16>(step, weights, drive);
    case 32:
      return AddDriveOf<32>(step, weights, drive);
    case 64:
      return AddDriveOf<64>(step, weights, drive);
    default:
      return AddDriveOf<0>(step, weights, drive);
  }
}

TORPOR_SIMD void AddStepGradient(const StepEvents& step, const float* errors, float* gradient) {
  switch (step.channels) {
    case 8:
      return AddGradientOf<8>(step, errors, gradient);
    case 16:
      return AddGradientOf<16>(step, errors, gradient);
    case 32:
      return AddGradientOf<32>(step, errors, gradient);
    case 64:
      return AddGradientOf<64>(step, errors, gradient);
    default:
      return AddGradientOf<0>(step, errors, gradient);
  }
}

StepEvents EventsOf(const LifConvShape& s, const ConvSynapses::Reach* reach) {
  return {.spikes = {},
          .reach = reach,
          .input_channels = static_cast<uint32_t>(s.input_channels),
          .channel_weights = int64_t{s.kernel_height} * s.kernel_width * s.channels,
          .place_row = int64_t{s.output_width()} * s.channels,
          .place_column = s.channels,
          .tap_row = -int64_t{s.stride_height} * s.kernel_width * s.channels,
          .tap_column = -int64_t{s.stride_width} * s.channels,
          .channels = s.channels};
}

TORPOR_SIMD void AddSpan(int64_t n, const float* __restrict from, float* __restrict to) {
  for (int64_t i = 0; i < n; ++i) to[i] += from[i];
}

}  // namespace

ConvSynapses::ConvSynapses(const LifConvShape& shape, Path path) : shape_(shape), path_(path) {
  TORPOR_CHECK(shape.kernel_height <= shape.input_height + 2 * shape.padding_height &&
               shape.kernel_width <= shape.input_width + 2 * shape.padding_width);
  for (int y = 0; y < shape.input_height; ++y) {
    const Axis down = WindowsThatSee(y, shape.kernel_height, shape.stride_height,
                                     shape.padding_height, shape.output_height());
    const int tap_row = y + shape.padding_height - down.first * shape.stride_height;
    for (int x = 0; x < shape.input_width; ++x) {
      const Axis right = WindowsThatSee(x, shape.kernel_width, shape.stride_width,
                                        shape.padding_width, shape.output_width());
      const int tap_column = x + shape.padding_width - right.first * shape.stride_width;
      const bool seen = down.count > 0 && right.count > 0;
      reach_.push_back(
          {.place = seen ? (down.first * shape.output_width() + right.first) * shape.channels : 0,
           .tap = seen ? (tap_row * shape.kernel_width + tap_column) * shape.channels : 0,
           .rows = seen ? down.count : 0,
           .columns = seen ? right.count : 0});
    }
  }
}

int64_t ConvSynapses::FanOut(uint32_t input) const {
  const Reach& reach = reach_[input / static_cast<uint32_t>(shape_.input_channels)];
  return int64_t{reach.rows} * reach.columns * shape_.channels;
}

bool ConvSynapses::Dense(const LifSpikes& spikes) const {
  if (path_ != Path::kByDensity) return path_ == Path::kDense;
  return static_cast<double>(spikes.size()) > kDenseDensity * spikes.steps() * inputs();
}

void ConvSynapses::AddDrive(std::span<const float> weights, const LifSpikes& spikes,
                            MatrixView drive) const {
  TORPOR_CHECK(static_cast<int64_t>(weights.size()) == this->weights());
  TORPOR_CHECK(drive.rows() == spikes.steps() && drive.cols() == outputs());
  if (Dense(spikes)) return AddDenseDrive(weights, spikes, drive);
  StepEvents step = EventsOf(shape_, reach_.data());
  for (int n = 0; n < spikes.steps(); ++n) {
    step.spikes = spikes.At(n);
    if (!step.spikes.empty()) AddStepDrive(step, weights.data(), RowOf(drive, n));
  }
}

void ConvSynapses::AddWeightGradient(const LifSpikes& spikes, ConstMatrixView errors,
                                     std::span<float> gradient) const {
  TORPOR_CHECK(static_cast<int64_t>(gradient.size()) == weights());
  TORPOR_CHECK(errors.rows() == spikes.steps() && errors.cols() == outputs());
  if (Dense(spikes)) return AddDenseGradient(spikes, errors, gradient);
  StepEvents step = EventsOf(shape_, reach_.data());
  for (int n = 0; n < spikes.steps(); ++n) {
    step.spikes = spikes.At(n);
    if (!step.spikes.empty()) AddStepGradient(step, RowOf(errors, n), gradient.data());
  }
}

int ConvSynapses::StepsAtOnce() const {
  const int64_t step = int64_t{shape_.places()} * shape_.window();
  return static_cast<int>(std::max<int64_t>(kWindowFloats / step, 1));
}

// Errors of `count` steps one below the other are errors of `count` times as many places.
void ConvSynapses::InputErrors(std::span<const float> weights, ConstMatrixView errors,
                               MatrixView input_errors) const {
  TORPOR_CHECK(static_cast<int64_t>(weights.size()) == this->weights());
  TORPOR_CHECK(errors.cols() == outputs() && input_errors.cols() == inputs() &&
               errors.rows() == input_errors.rows());
  const int64_t steps = errors.rows(), places = shape_.places(), window = shape_.window();
  const int64_t most =
      errors.outerStride() == outputs() ? std::min<int64_t>(StepsAtOnce(), steps) : 1;
  const Scratch by_window = NewScratch(this->weights());
  const Scratch windows = NewScratch(most * places * window);
  WindowWeights(weights.data(), by_window.get());
  for (int64_t first = 0; first < steps; first += most) {
    const int64_t count = std::min(most, steps - first);
    GemmAbt(Block(RowOf(errors, first), count * places, shape_.channels),
            Block(by_window, window, shape_.channels), 0,
            Block(windows.get(), count * places, window));
    for (int64_t n = 0; n < count; ++n) {
      float* image = RowOf(input_errors, first + n);
      std::fill_n(image, inputs(), 0.0f);
      AddWindows(windows.get() + n * places * window, image);
    }
  }
}

void ConvSynapses::AddDenseDrive(std::span<const float> weights, const LifSpikes& spikes,
                                 MatrixView drive) const {
  const Scratch by_window = NewScratch(this->weights());
  const Scratch windows = NewScratch(int64_t{shape_.places()} * shape_.window());
  std::vector<float> padded(static_cast<size_t>(PaddedSize()));
  WindowWeights(weights.data(), by_window.get());
  for (int n = 0; n < spikes.steps(); ++n) {
    std::fill(padded.begin(), padded.end(), 0.0f);
    for (const uint32_t spike : spikes.At(n)) padded[PaddedIndex(spike)] += 1;
    CopyWindows(padded.data(), windows.get());
    GemmAb(Block(windows, shape_.places(), shape_.window()),
           Block(by_window, shape_.window(), shape_.channels), 1,
           Block(RowOf(drive, n), shape_.places(), shape_.channels));
  }
}

void ConvSynapses::AddDenseGradient(const LifSpikes& spikes, ConstMatrixView errors,
                                    std::span<float> gradient) const {
  const Scratch by_window = NewScratch(weights());
  const Scratch windows = NewScratch(int64_t{shape_.places()} * shape_.window());
  std::vector<float> padded(static_cast<size_t>(PaddedSize()));
  std::fill_n(by_window.get(), weights(), 0.0f);
  for (int n = 0; n < spikes.steps(); ++n) {
    std::fill(padded.begin(), padded.end(), 0.0f);
    for (const uint32_t spike : spikes.At(n)) padded[PaddedIndex(spike)] += 1;
    CopyWindows(padded.data(), windows.get());
    GemmAtb(Block(windows, shape_.places(), shape_.window()),
            Block(RowOf(errors, n), shape_.places(), shape_.channels), 1,
            Block(by_window.get(), shape_.window(), shape_.channels));
  }
  AddWindowGradient(by_window.get(), gradient.data());
}

void ConvSynapses::AddCurrentDrive(std::span<const float> weights, std::span<const float> currents,
                                   std::span<float> drive) const {
  TORPOR_CHECK(static_cast<int64_t>(weights.size()) == this->weights());
  TORPOR_CHECK(currents.size() == static_cast<size_t>(inputs()) &&
               drive.size() == static_cast<size_t>(outputs()));
  const Scratch by_window = NewScratch(this->weights());
  const Scratch windows = NewScratch(int64_t{shape_.places()} * shape_.window());
  std::vector<float> padded(static_cast<size_t>(PaddedSize()));
  WindowWeights(weights.data(), by_window.get());
  for (uint32_t i = 0; i < currents.size(); ++i) padded[PaddedIndex(i)] = currents[i];
  CopyWindows(padded.data(), windows.get());
  GemmAb(Block(windows, shape_.places(), shape_.window()),
         Block(by_window, shape_.window(), shape_.channels), 1,
         Block(drive.data(), shape_.places(), shape_.channels));
}

void ConvSynapses::AddCurrentGradient(std::span<const float> currents,
                                      std::span<const float> errors,
                                      std::span<float> gradient) const {
  TORPOR_CHECK(static_cast<int64_t>(gradient.size()) == weights());
  TORPOR_CHECK(currents.size() == static_cast<size_t>(inputs()) &&
               errors.size() == static_cast<size_t>(outputs()));
  const Scratch by_window = NewScratch(weights());
  const Scratch windows = NewScratch(int64_t{shape_.places()} * shape_.window());
  std::vector<float> padded(static_cast<size_t>(PaddedSize()));
  for (uint32_t i = 0; i < currents.size(); ++i) padded[PaddedIndex(i)] = currents[i];
  CopyWindows(padded.data(), windows.get());
  GemmAtb(Block(windows, shape_.places(), shape_.window()),
          Block(errors.data(), shape_.places(), shape_.channels), 0,
          Block(by_window.get(), shape_.window(), shape_.channels));
  AddWindowGradient(by_window.get(), gradient.data());
}

int64_t ConvSynapses::PaddedSize() const {
  return int64_t{shape_.input_height + 2 * shape_.padding_height} *
         (shape_.input_width + 2 * shape_.padding_width) * shape_.input_channels;
}

size_t ConvSynapses::PaddedIndex(uint32_t unit) const {
  const auto row_units = static_cast<uint32_t>(shape_.input_width * shape_.input_channels);
  const uint32_t row = unit / row_units;
  const int64_t padded_row =
      int64_t{shape_.input_width + 2 * shape_.padding_width} * shape_.input_channels;
  return static_cast<size_t>((row + shape_.padding_height) * padded_row +
                             int64_t{shape_.padding_width} * shape_.input_channels +
                             (unit - row * row_units));
}

void ConvSynapses::CopyWindows(const float* padded, float* windows) const {
  const int64_t row =
      int64_t{shape_.input_width + 2 * shape_.padding_width} * shape_.input_channels;
  const int64_t span = int64_t{shape_.kernel_width} * shape_.input_channels;
  for (int y = 0; y < shape_.output_height(); ++y) {
    for (int x = 0; x < shape_.output_width(); ++x) {
      const float* from = padded + int64_t{y} * shape_.stride_height * row +
                          int64_t{x} * shape_.stride_width * shape_.input_channels;
      for (int i = 0; i < shape_.kernel_height; ++i, windows += span) {
        std::memcpy(windows, from + i * row, static_cast<size_t>(span) * sizeof(float));
      }
    }
  }
}

void ConvSynapses::AddWindows(const float* windows, float* image) const {
  const int64_t row = int64_t{shape_.input_width} * shape_.input_channels;
  const int64_t span = int64_t{shape_.kernel_width} * shape_.input_channels;
  for (int y = 0; y < shape_.output_height(); ++y) {
    for (int x = 0; x < shape_.output_width(); ++x) {
      // Taps of this window that see the image and not the padding.
      const int left = x * shape_.stride_width - shape_.padding_width;
      const int from = std::max(-left, 0);
      const int to = std::min(shape_.kernel_width, shape_.input_width - left);
      for (int i = 0; i < shape_.kernel_height; ++i, windows += span) {
        const int at = y * shape_.stride_height - shape_.padding_height + i;
        if (at < 0 || at >= shape_.input_height || to <= from) continue;
        AddSpan(int64_t{to - from} * shape_.input_channels,
                windows + int64_t{from} * shape_.input_channels,
                image + at * row + int64_t{left + from} * shape_.input_channels);
      }
    }
  }
}

void ConvSynapses::WindowWeights(const float* weights, float* by_window) const {
  const int taps = shape_.kernel_height * shape_.kernel_width;
  const int64_t span = shape_.channels;
  for (int c = 0; c < shape_.input_channels; ++c) {
    for (int t = 0; t < taps; ++t, weights += span) {
      std::copy_n(weights, span, by_window + (int64_t{t} * shape_.input_channels + c) * span);
    }
  }
}

void ConvSynapses::AddWindowGradient(const float* by_window, float* gradient) const {
  const int taps = shape_.kernel_height * shape_.kernel_width;
  const int64_t span = shape_.channels;
  for (int c = 0; c < shape_.input_channels; ++c) {
    for (int t = 0; t < taps; ++t, gradient += span) {
      AddSpan(span, by_window + (int64_t{t} * shape_.input_channels + c) * span, gradient);
    }
  }
}

}  // namespace torpor
