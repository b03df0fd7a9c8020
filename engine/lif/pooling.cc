#include "engine/lif/pooling.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/simd.h"
#include "engine/base/status.h"
#include "engine/lif/window_range.h"

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
  const int row_units = pooled_.width * pooled_.channels;
  for (int y = 0; y < below.height; ++y) {
    const WindowRange range =
        WindowsThatSee(y, shape.kernel_height, shape.stride_height, 0, pooled_.height);
    rows_.push_back(
        {static_cast<uint32_t>(range.first * row_units), static_cast<uint32_t>(range.count)});
  }
  for (int x = 0; x < below.width; ++x) {
    const WindowRange range =
        WindowsThatSee(x, shape.kernel_width, shape.stride_width, 0, pooled_.width);
    for (int c = 0; c < below.channels; ++c) {
      columns_.push_back({static_cast<uint32_t>(range.first * below.channels + c),
                          static_cast<uint32_t>(range.count)});
    }
  }
  if (Overlaps()) return;
  targets_.reserve(static_cast<size_t>(below.units()));
  for (const Seen& down : rows_) {
    for (const Seen& right : columns_) {
      const bool seen = down.count > 0 && right.count > 0;
      targets_.push_back(seen ? down.first + right.first : kNone);
    }
  }
}

bool LifPooling::Overlaps() const {
  return shape_.stride_height < shape_.kernel_height || shape_.stride_width < shape_.kernel_width;
}

float LifPooling::scale() const { return 1.0f / static_cast<float>(window()); }

void LifPooling::Pool(const LifSpikes& spikes, LifSpikes& pooled) const {
  pooled.Clear();
  if (Overlaps()) return PoolToMany(spikes, pooled);
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

void LifPooling::PoolToMany(const LifSpikes& spikes, LifSpikes& pooled) const {
  const auto units = static_cast<uint32_t>(columns_.size());
  const auto row_step = static_cast<uint32_t>(pooled_.width * pooled_.channels);
  const auto column_step = static_cast<uint32_t>(pooled_.channels);
  for (int n = 0; n < spikes.steps(); ++n) {
    for (const uint32_t spike : spikes.At(n)) {
      const uint32_t row = spike / units;
      const Seen down = rows_[row], right = columns_[spike - row * units];
      const size_t size = pooled.index.size();
      pooled.index.resize(size + size_t{down.count} * right.count);
      uint32_t* to = pooled.index.data() + size;
      uint32_t first = down.first + right.first;
      for (uint32_t y = 0; y < down.count; ++y, first += row_step) {
        uint32_t target = first;
        for (uint32_t x = 0; x < right.count; ++x, target += column_step) *to++ = target;
      }
    }
    pooled.EndStep();
  }
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
  const int64_t row_step = int64_t{pooled_.width} * pooled_.channels;
  const float* current = currents.data();
  for (const Seen& down : rows_) {
    for (const Seen& right : columns_) {
      float* row = pooled.data() + down.first + right.first;
      for (uint32_t y = 0; y < down.count; ++y, row += row_step) {
        for (uint32_t x = 0; x < right.count; ++x) row[int64_t{x} * pooled_.channels] += *current;
      }
      ++current;
    }
  }
}

}  // namespace torpor
