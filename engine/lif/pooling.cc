#include "engine/lif/pooling.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Numbers of one step that an image below and its pooled one share, with the distance of rows and
// of places in floats.
struct Windows {
  int64_t rows, columns, kernel_height, kernel_width, channels;
  int64_t row_step, place_step, row;
};

// below[window] = errors, or +=, each span of channels.
template <bool kAdd>
[[gnu::always_inline]] inline void Spread(const Windows& w, const float* __restrict errors,
                                          float* __restrict below) {
  for (int64_t y = 0; y < w.rows; ++y) {
    for (int64_t i = 0; i < w.kernel_height; ++i) {
      const float* from = errors + y * w.columns * w.channels;
      float* row = below + y * w.row_step + i * w.row;
      for (int64_t x = 0; x < w.columns; ++x, from += w.channels, row += w.place_step) {
        for (int64_t j = 0; j < w.kernel_width; ++j) {
          float* to = row + j * w.channels;
          for (int64_t c = 0; c < w.channels; ++c) to[c] = kAdd ? to[c] + from[c] : from[c];
        }
      }
    }
  }
}

TORPOR_SIMD void SpreadOver(const Windows& w, const float* errors, float* below) {
  Spread<false>(w, errors, below);
}
TORPOR_SIMD void AddOver(const Windows& w, const float* errors, float* below) {
  Spread<true>(w, errors, below);
}

}  // namespace

LifPooling::LifPooling(const LifPoolShape& shape) : shape_(shape) {
  const LifImage& below = shape.below;
  TORPOR_CHECK(shape.kernel_height <= below.height && shape.kernel_width <= below.width);
  pooled_ = {below.channels, (below.height - shape.kernel_height) / shape.stride_height + 1,
             (below.width - shape.kernel_width) / shape.stride_width + 1};
  // By unit below, the windows that see it in order.
  for (int y = 0; y < below.height; ++y) {
    for (int x = 0; x < below.width; ++x) {
      for (int c = 0; c < below.channels; ++c) {
        begin_.push_back(static_cast<uint32_t>(targets_.size()));
        for (int row = 0; row < pooled_.height; ++row) {
          const int i = y - row * shape.stride_height;
          if (i < 0 || i >= shape.kernel_height) continue;
          for (int column = 0; column < pooled_.width; ++column) {
            const int j = x - column * shape.stride_width;
            if (j < 0 || j >= shape.kernel_width) continue;
            targets_.push_back(
                static_cast<uint32_t>((row * pooled_.width + column) * below.channels + c));
          }
        }
        if (!Overlaps() && targets_.size() == begin_.back()) targets_.push_back(kNone);
      }
    }
  }
  begin_.push_back(static_cast<uint32_t>(targets_.size()));
}

bool LifPooling::Overlaps() const {
  return shape_.stride_height < shape_.kernel_height || shape_.stride_width < shape_.kernel_width;
}

float LifPooling::scale() const {
  return 1.0f / static_cast<float>(shape_.kernel_height * shape_.kernel_width);
}

void LifPooling::Pool(const LifSpikes& spikes, LifSpikes& pooled) const {
  pooled.Clear();
  if (Overlaps()) {
    for (int n = 0; n < spikes.steps(); ++n) {
      for (const uint32_t spike : spikes.At(n)) {
        pooled.index.insert(pooled.index.end(), targets_.begin() + begin_[spike],
                            targets_.begin() + begin_[spike + 1]);
      }
      pooled.EndStep();
    }
    return;
  }
  // One target each, or none: written always, kept where there is one.
  pooled.index.resize(spikes.index.size());
  size_t kept = 0;
  for (int n = 0; n < spikes.steps(); ++n) {
    for (const uint32_t spike : spikes.At(n)) {
      const uint32_t target = targets_[spike];
      pooled.index[kept] = target;
      kept += target != kNone;
    }
    pooled.begin.push_back(static_cast<int32_t>(kept));
  }
  pooled.index.resize(kept);
}

void LifPooling::BelowErrors(ConstMatrixView errors, MatrixView below_errors) const {
  const LifImage& below = shape_.below;
  TORPOR_CHECK(errors.rows() == below_errors.rows() && errors.cols() == pooled_.units() &&
               below_errors.cols() == below.units());
  const int64_t row = int64_t{below.width} * below.channels;
  const Windows windows = {pooled_.height,
                           pooled_.width,
                           shape_.kernel_height,
                           shape_.kernel_width,
                           below.channels,
                           shape_.stride_height * row,
                           int64_t{shape_.stride_width} * below.channels,
                           row};
  // Windows that tile the image write each unit once.
  const bool tiles = pooled_.height * shape_.kernel_height == below.height &&
                     pooled_.width * shape_.kernel_width == below.width && !Overlaps();
  for (Eigen::Index n = 0; n < errors.rows(); ++n) {
    const float* from = errors.data() + n * errors.outerStride();
    float* to = below_errors.data() + n * below_errors.outerStride();
    if (tiles) {
      SpreadOver(windows, from, to);
    } else {
      std::fill_n(to, below.units(), 0.0f);
      AddOver(windows, from, to);
    }
  }
}

void LifPooling::PoolCurrents(std::span<const float> currents, std::span<float> pooled) const {
  TORPOR_CHECK(currents.size() == static_cast<size_t>(shape_.below.units()) &&
               pooled.size() == static_cast<size_t>(pooled_.units()));
  std::fill(pooled.begin(), pooled.end(), 0.0f);
  for (size_t j = 0; j < currents.size(); ++j) {
    for (uint32_t k = begin_[j]; k < begin_[j + 1]; ++k) {
      if (targets_[k] != kNone) pooled[targets_[k]] += currents[j];
    }
  }
}

}  // namespace torpor
