#include "engine/rate/conv2d.h"

#include <algorithm>

#include "engine/base/status.h"

namespace torpor {
namespace {

// Multiply-accumulates between two looks at the cancellation: a few milliseconds.
constexpr int64_t kWorkBetweenChecks = 100'000'000;
constexpr int64_t kUnitsAtOnce = 48;

}  // namespace

Conv2d::Conv2d(const RateLayerShape& shape)
    : shape_(shape), units_(shape.units), channels_(shape.input_image.channels) {
  TORPOR_CHECK(shape.kind == RateLayerKind::kConv2d);
  const HeightWidth kernel = shape.kernel, stride = shape.stride;
  taps_ = int64_t{kernel.height} * kernel.width;
  phase_rows_ = std::min(stride.height, kernel.height);
  phase_columns_ = std::min(stride.width, kernel.width);
  rows_ = shape.output_image.height + (kernel.height - 1) / stride.height;
  columns_ = shape.output_image.width + (kernel.width - 1) / stride.width;
  plane_ = rows_ * columns_;
  run_ = (shape.output_image.height - 1) * columns_ + shape.output_image.width;
  sums_row_ = RoundUpToLanes(run_);
  plane_row_ = RoundUpToLanes(plane_);
  const int64_t phases = int64_t{phase_rows_} * phase_columns_;
  // Beyond the last row, vectors read up to one vector more.
  image_size_ = phases * channels_ * plane_ + kWindowLanes;
  // plane - run is the furthest that a tap shifts, so this many zeros serve shifts from below and
  // the rest of the plane above.
  lead_ = plane_ - run_ + kWindowLanes;
  delta_row_ = RoundUpToLanes(run_ + lead_);
  delta_size_ = lead_ + units_ * delta_row_;

  auto shift = [&](int i, int j) { return i / stride.height * columns_ + j / stride.width; };
  for (int64_t c = 0; c < channels_; ++c) {
    for (int i = 0; i < kernel.height; ++i) {
      for (int j = 0; j < kernel.width; ++j) {
        const int64_t phase = i % stride.height * phase_columns_ + j % stride.width;
        offsets_.push_back(static_cast<int32_t>((phase * channels_ + c) * plane_ + shift(i, j)));
      }
    }
  }
  for (int a = 0; a < phase_rows_; ++a) {
    for (int b = 0; b < phase_columns_; ++b) {
      Phase phase;
      for (int i = a; i < kernel.height; i += stride.height) {
        for (int j = b; j < kernel.width; j += stride.width) {
          phase.taps.push_back(i * kernel.width + j);
        }
      }
      for (int64_t u = 0; u < units_; ++u) {
        for (int32_t tap : phase.taps) {
          phase.offsets.push_back(static_cast<int32_t>(
              lead_ + u * delta_row_ - shift(tap / kernel.width, tap % kernel.width)));
        }
      }
      backward_.push_back(std::move(phase));
    }
  }
}

template <typename Body>
void Conv2d::ForEachRun(int64_t image_channel_stride, Body body) const {
  const ImageShape& in = shape_.input_image;
  const HeightWidth stride = shape_.stride, padding = shape_.padding;
  for (int a = 0; a < phase_rows_; ++a) {
    for (int b = 0; b < phase_columns_; ++b) {
      const int64_t phase = a * phase_columns_ + b;
      // First and last column of the phase that lie on the sample and not on its padding.
      const int64_t first = std::max(0, (padding.width - b + stride.width - 1) / stride.width);
      const int64_t end =
          std::min<int64_t>(columns_, (in.width - 1 + padding.width - b) / stride.width + 1);
      if (first >= end || in.width - 1 + padding.width < b) continue;
      for (int64_t c = 0; c < channels_; ++c) {
        for (int64_t row = 0; row < rows_; ++row) {
          const int64_t y = row * stride.height + a - padding.height;
          if (y < 0 || y >= in.height) continue;
          const int64_t x = first * stride.width + b - padding.width;
          body((c * in.height + y) * in.width + x,
               (phase * channels_ + c) * image_channel_stride + row * columns_ + first,
               end - first);
        }
      }
    }
  }
}

void Conv2d::Spread(std::span<const float> sample, float* image) const {
  TORPOR_CHECK(static_cast<int64_t>(sample.size()) == shape_.inputs);
  std::fill_n(image, image_size_, 0.0f);
  const int64_t step = shape_.stride.width;
  ForEachRun(plane_, [&](int64_t from, int64_t to, int64_t length) {
    const float* source = sample.data() + from;
    if (step == 1) {
      std::copy_n(source, length, image + to);
    } else {
      for (int64_t i = 0; i < length; ++i) image[to + i] = source[i * step];
    }
  });
}

absl::Status Conv2d::Products(std::span<const float> weight, const float* image, float* sums,
                              const Cancellation& cancellation) const {
  TORPOR_CHECK(static_cast<int64_t>(weight.size()) == shape_.synapses());
  const int64_t fan_in = shape_.fan_in;
  const int64_t at_once = std::min(units_, kUnitsAtOnce);
  const int64_t places = std::max(
      2 * kWindowLanes, kWorkBetweenChecks / (at_once * fan_in) / kWindowLanes * kWindowLanes);
  for (int64_t u = 0; u < units_; u += at_once) {
    const int64_t units = std::min(at_once, units_ - u);
    for (int64_t p = 0; p < run_; p += places) {
      if (u + p > 0) TORPOR_RETURN_IF_ERROR(cancellation.Check());
      WindowProduct(weight.data() + u * fan_in, units, image + p, offsets_,
                    std::min(places, run_ - p), sums + u * sums_row_ + p, sums_row_);
    }
  }
  return absl::OkStatus();
}

void Conv2d::Gather(const float* sums, std::span<float> out) const {
  TORPOR_CHECK(static_cast<int64_t>(out.size()) == shape_.outputs);
  const ImageShape& image = shape_.output_image;
  float* to = out.data();
  for (int64_t u = 0; u < units_; ++u) {
    for (int64_t row = 0; row < image.height; ++row, to += image.width) {
      std::copy_n(sums + u * sums_row_ + row * columns_, image.width, to);
    }
  }
}

void Conv2d::SpreadDelta(std::span<const float> delta, float* spread) const {
  TORPOR_CHECK(static_cast<int64_t>(delta.size()) == shape_.outputs);
  const ImageShape& image = shape_.output_image;
  std::fill_n(spread, delta_size_, 0.0f);
  const float* from = delta.data();
  for (int64_t u = 0; u < units_; ++u) {
    for (int64_t row = 0; row < image.height; ++row, from += image.width) {
      std::copy_n(from, image.width, spread + lead_ + u * delta_row_ + row * columns_);
    }
  }
}

void Conv2d::Turn(std::span<const float> weight, float* turned) const {
  for (const Phase& phase : backward_) {
    for (int64_t c = 0; c < channels_; ++c) {
      for (int64_t u = 0; u < units_; ++u) {
        const float* row = weight.data() + (u * channels_ + c) * taps_;
        for (int32_t tap : phase.taps) *turned++ = row[tap];
      }
    }
  }
}

void Conv2d::Backward(const float* turned, const float* spread_delta, float* image_gradient,
                      std::span<float> input_gradient) const {
  TORPOR_CHECK(static_cast<int64_t>(input_gradient.size()) == shape_.inputs);
  for (int64_t phase = 0; phase < phases(); ++phase) {
    const std::vector<int32_t>& offsets = backward_[static_cast<size_t>(phase)].offsets;
    WindowProduct(turned, channels_, spread_delta, offsets, plane_,
                  image_gradient + phase * channels_ * plane_row_, plane_row_);
    turned += channels_ * static_cast<int64_t>(offsets.size());
  }
  // Inputs that no window sees have no gradient.
  std::fill(input_gradient.begin(), input_gradient.end(), 0.0f);
  const int64_t step = shape_.stride.width;
  ForEachRun(plane_row_, [&](int64_t to, int64_t from, int64_t length) {
    float* out = input_gradient.data() + to;
    if (step == 1) {
      std::copy_n(image_gradient + from, length, out);
    } else {
      for (int64_t i = 0; i < length; ++i) out[i * step] = image_gradient[from + i];
    }
  });
}

void Conv2d::AddWeightGradient(int64_t count, const float* images, const float* spread_deltas,
                               float* gradient) const {
  WindowGradient({.count = count,
                  .images = images,
                  .image_stride = image_size_,
                  .deltas = spread_deltas + lead_,
                  .delta_stride = delta_size_,
                  .delta_row = delta_row_},
                 units_, offsets_, run_, gradient);
}

}  // namespace torpor
