#include "engine/lif/conv_synapses.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "engine/base/simd.h"
#include "engine/base/status.h"
#include "engine/lif/window_range.h"

namespace torpor {
namespace {

// Floats of windows that are multiplied at once: they stay in the second cache.
constexpr int64_t kWindowFloats = 1 << 16;
// Of windows that are written out at once at all; one window where it has more. A product's bits
// depend on its rows, so what fits is never cut.
constexpr int64_t kMostWindowFloats = 1 << 22;

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

// Taps of a window along one axis of an image of `inputs` places, from the one at `at` on, that see
// the image and not the padding: first .. end-1.
struct Taps {
  int at, first, end;
};
Taps TapsOf(int at, int kernel, int inputs) {
  return {at, std::max(-at, 0), std::min(kernel, inputs - at)};
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
    const WindowRange down = WindowsThatSee(y, shape.kernel_height, shape.stride_height,
                                            shape.padding_height, shape.output_height());
    const int tap_row = y + shape.padding_height - down.first * shape.stride_height;
    for (int x = 0; x < shape.input_width; ++x) {
      const WindowRange right = WindowsThatSee(x, shape.kernel_width, shape.stride_width,
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

int64_t ConvSynapses::PlacesAtOnce() const {
  return std::clamp<int64_t>(kMostWindowFloats / shape_.window(), 1, shape_.places());
}

int64_t ConvSynapses::StepsAtOnce() const {
  const int64_t step = int64_t{shape_.places()} * shape_.window();
  return std::max<int64_t>(kWindowFloats / step, 1);
}

// Errors of `count` steps one below the other are errors of `count` times as many places.
void ConvSynapses::InputErrors(std::span<const float> weights, ConstMatrixView errors,
                               MatrixView input_errors) const {
  TORPOR_CHECK(static_cast<int64_t>(weights.size()) == this->weights());
  TORPOR_CHECK(errors.cols() == outputs() && input_errors.cols() == inputs() &&
               errors.rows() == input_errors.rows());
  const int64_t steps = errors.rows(), places = shape_.places(), window = shape_.window();
  // Places of one step, or all places of several.
  const int64_t at_once = PlacesAtOnce();
  const int64_t most = errors.outerStride() == outputs() ? std::min(StepsAtOnce(), steps) : 1;
  const Scratch by_window = NewScratch(this->weights());
  const Scratch windows = NewScratch(most * at_once * window);
  WindowWeights(weights.data(), by_window.get());
  for (int64_t first = 0; first < steps; first += most) {
    const int64_t count = std::min(most, steps - first);
    for (int64_t n = 0; n < count; ++n) {
      std::fill_n(RowOf(input_errors, first + n), inputs(), 0.0f);
    }
    for (int64_t place = 0; place < places; place += at_once) {
      const int64_t taken = std::min(at_once, places - place);
      GemmAbt(Block(RowOf(errors, first) + place * shape_.channels, count * taken, shape_.channels),
              Block(by_window, window, shape_.channels), 0,
              Block(windows.get(), count * taken, window));
      for (int64_t n = 0; n < count; ++n) {
        AddWindows(windows.get() + n * taken * window, place, taken,
                   RowOf(input_errors, first + n));
      }
    }
  }
}

void ConvSynapses::AddImageDrive(const float* by_window, const float* image, float* windows,
                                 float* drive) const {
  const int64_t at_once = PlacesAtOnce(), window = shape_.window();
  for (int64_t place = 0; place < shape_.places(); place += at_once) {
    const int64_t taken = std::min(at_once, shape_.places() - place);
    CopyWindows(image, place, taken, windows);
    GemmAb(Block(static_cast<const float*>(windows), taken, window),
           Block(by_window, window, shape_.channels), 1,
           Block(drive + place * shape_.channels, taken, shape_.channels));
  }
}

void ConvSynapses::AddImageGradient(const float* image, const float* errors, float* windows,
                                    float* by_window) const {
  const int64_t at_once = PlacesAtOnce(), window = shape_.window();
  for (int64_t place = 0; place < shape_.places(); place += at_once) {
    const int64_t taken = std::min(at_once, shape_.places() - place);
    CopyWindows(image, place, taken, windows);
    GemmAtb(Block(static_cast<const float*>(windows), taken, window),
            Block(errors + place * shape_.channels, taken, shape_.channels), 1,
            Block(by_window, window, shape_.channels));
  }
}

void ConvSynapses::AddDenseDrive(std::span<const float> weights, const LifSpikes& spikes,
                                 MatrixView drive) const {
  const Scratch by_window = NewScratch(this->weights());
  const Scratch windows = NewScratch(PlacesAtOnce() * shape_.window());
  std::vector<float> image(static_cast<size_t>(inputs()));
  WindowWeights(weights.data(), by_window.get());
  for (int n = 0; n < spikes.steps(); ++n) {
    std::fill(image.begin(), image.end(), 0.0f);
    for (const uint32_t spike : spikes.At(n)) image[spike] += 1;
    AddImageDrive(by_window.get(), image.data(), windows.get(), RowOf(drive, n));
  }
}

void ConvSynapses::AddDenseGradient(const LifSpikes& spikes, ConstMatrixView errors,
                                    std::span<float> gradient) const {
  const Scratch by_window = NewScratch(weights());
  const Scratch windows = NewScratch(PlacesAtOnce() * shape_.window());
  std::vector<float> image(static_cast<size_t>(inputs()));
  std::fill_n(by_window.get(), weights(), 0.0f);
  for (int n = 0; n < spikes.steps(); ++n) {
    std::fill(image.begin(), image.end(), 0.0f);
    for (const uint32_t spike : spikes.At(n)) image[spike] += 1;
    AddImageGradient(image.data(), RowOf(errors, n), windows.get(), by_window.get());
  }
  AddWindowGradient(by_window.get(), gradient.data());
}

void ConvSynapses::AddCurrentDrive(std::span<const float> weights, std::span<const float> currents,
                                   std::span<float> drive) const {
  TORPOR_CHECK(static_cast<int64_t>(weights.size()) == this->weights());
  TORPOR_CHECK(currents.size() == static_cast<size_t>(inputs()) &&
               drive.size() == static_cast<size_t>(outputs()));
  const Scratch by_window = NewScratch(this->weights());
  const Scratch windows = NewScratch(PlacesAtOnce() * shape_.window());
  WindowWeights(weights.data(), by_window.get());
  AddImageDrive(by_window.get(), currents.data(), windows.get(), drive.data());
}

void ConvSynapses::AddCurrentGradient(std::span<const float> currents,
                                      std::span<const float> errors,
                                      std::span<float> gradient) const {
  TORPOR_CHECK(static_cast<int64_t>(gradient.size()) == weights());
  TORPOR_CHECK(currents.size() == static_cast<size_t>(inputs()) &&
               errors.size() == static_cast<size_t>(outputs()));
  const Scratch by_window = NewScratch(weights());
  const Scratch windows = NewScratch(PlacesAtOnce() * shape_.window());
  std::fill_n(by_window.get(), weights(), 0.0f);
  AddImageGradient(currents.data(), errors.data(), windows.get(), by_window.get());
  AddWindowGradient(by_window.get(), gradient.data());
}

template <typename Use>
void ConvSynapses::ForEachPlace(int64_t first, int64_t count, Use use) const {
  const LifConvShape& s = shape_;
  const int width = s.output_width();
  const auto down = [&s](int row) {
    return TapsOf(row * s.stride_height - s.padding_height, s.kernel_height, s.input_height);
  };
  int row = static_cast<int>(first / width), column = static_cast<int>(first % width);
  Taps rows = down(row);
  for (int64_t n = 0; n < count; ++n) {
    use(rows, TapsOf(column * s.stride_width - s.padding_width, s.kernel_width, s.input_width));
    if (++column == width) {
      column = 0;
      rows = down(++row);
    }
  }
}

void ConvSynapses::CopyWindows(const float* image, int64_t first, int64_t count,
                               float* windows) const {
  const int64_t channels = shape_.input_channels, row = shape_.input_width * channels;
  const int64_t span = shape_.kernel_width * channels;
  ForEachPlace(first, count, [&](const Taps& rows, const Taps& columns) {
    const int64_t before = columns.first * channels, end = columns.end * channels;
    const int64_t left = columns.at * channels + before;
    for (int i = 0; i < shape_.kernel_height; ++i, windows += span) {
      if (i < rows.first || i >= rows.end) {
        std::fill_n(windows, span, 0.0f);
        continue;
      }
      const float* from = image + ((rows.at + i) * row + left);
      if (end - before == span) {
        std::memcpy(windows, from, static_cast<size_t>(span) * sizeof(float));
      } else {
        std::fill_n(windows, before, 0.0f);
        std::copy_n(from, end - before, windows + before);
        std::fill_n(windows + end, span - end, 0.0f);
      }
    }
  });
}

void ConvSynapses::AddWindows(const float* windows, int64_t first, int64_t count,
                              float* image) const {
  const int64_t channels = shape_.input_channels, row = shape_.input_width * channels;
  const int64_t span = shape_.kernel_width * channels;
  ForEachPlace(first, count, [&](const Taps& rows, const Taps& columns) {
    const int64_t before = columns.first * channels;
    const int64_t length = (columns.end - columns.first) * channels;
    const int64_t left = columns.at * channels + before;
    for (int i = rows.first; i < rows.end; ++i) {
      AddSpan(length, windows + (i * span + before), image + ((rows.at + i) * row + left));
    }
    windows += shape_.window();
  });
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
