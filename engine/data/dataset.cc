#include "engine/data/dataset.h"

#include <algorithm>
#include <limits>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

TORPOR_SIMD void ScalePixels(const uint8_t* pixels, int64_t n, float* out) {
  // A true division: the nearest float to value / 255, as every other reader of these sets has it.
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(pixels[i]) / 255.0f;
}

}  // namespace

Dataset::Dataset(Samples samples, int classes) : classes_(classes) {
  int64_t features = 1;
  for (const int64_t dimension : samples.shape) {
    TORPOR_CHECK(dimension > 0 && features <= std::numeric_limits<int>::max() / dimension);
    features *= dimension;
  }
  features_ = static_cast<int>(features);
  size_ = static_cast<int64_t>(samples.labels.size());
  TORPOR_CHECK(samples.bytes.size() + samples.floats.size() ==
               samples.labels.size() * static_cast<size_t>(features));
  TORPOR_CHECK(std::all_of(samples.labels.begin(), samples.labels.end(),
                           [&](int32_t label) { return label >= 0 && label < classes; }));
  samples_ = std::make_shared<const Samples>(std::move(samples));
}

Dataset Dataset::FromBytes(std::vector<uint8_t> pixels, std::vector<int64_t> sample_shape,
                           std::vector<int32_t> labels, int classes) {
  return Dataset({.bytes = std::move(pixels),
                  .floats = {},
                  .shape = std::move(sample_shape),
                  .labels = std::move(labels)},
                 classes);
}

Dataset Dataset::FromFloats(std::vector<float> values, std::vector<int64_t> sample_shape,
                            std::vector<int32_t> labels, int classes) {
  return Dataset({.bytes = {},
                  .floats = std::move(values),
                  .shape = std::move(sample_shape),
                  .labels = std::move(labels)},
                 classes);
}

void Dataset::CopySample(int64_t i, std::span<float> out) const {
  TORPOR_CHECK(i >= 0 && i < size_ && out.size() == static_cast<size_t>(features_));
  const int64_t offset = (first_ + i) * features_;
  if (!samples_->bytes.empty()) {
    ScalePixels(samples_->bytes.data() + offset, features_, out.data());
  } else {
    std::copy_n(samples_->floats.data() + offset, features_, out.data());
  }
}

void Dataset::CopyRange(int64_t first, int64_t count, MatrixView out) const {
  TORPOR_CHECK(out.rows() == count && out.cols() == features_);
  for (int64_t i = 0; i < count; ++i) {
    CopySample(first + i, {out.data() + i * out.outerStride(), static_cast<size_t>(features_)});
  }
}

Dataset Dataset::Slice(int64_t begin, int64_t end) const {
  TORPOR_CHECK(0 <= begin && begin <= end && end <= size_);
  Dataset slice = *this;
  slice.first_ += begin;
  slice.size_ = end - begin;
  return slice;
}

}  // namespace torpor
