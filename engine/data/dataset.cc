#include "engine/data/dataset.h"

#include <algorithm>
#include <limits>

#include "engine/base/simd.h"
#include "engine/base/status.h"
#include "engine/data/pixels.h"

namespace torpor {
namespace {

TORPOR_SIMD void ScalePixels(const uint8_t* pixels, int64_t n, float* out) {
  // A true division: the nearest float to value / 255, as every other reader of these sets has it.
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(pixels[i]) / 255.0f;
}

// The product of a shape's dimensions, which an int must hold.
int Product(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (const int64_t dimension : shape) {
    TORPOR_CHECK(dimension > 0 && product <= std::numeric_limits<int>::max() / dimension);
    product *= dimension;
  }
  return static_cast<int>(product);
}

}  // namespace

Dataset::Dataset(Samples samples, int classes) : classes_(classes) {
  features_ = Product(samples.shape);
  size_ = static_cast<int64_t>(samples.labels.size());
  TORPOR_CHECK(samples.bytes.size() + samples.floats.size() ==
               samples.labels.size() * static_cast<size_t>(features_));
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

Dataset Dataset::WithTargets(std::vector<uint8_t> spikes, std::vector<int64_t> target_shape) const {
  TORPOR_CHECK(target_shape.size() == 2);
  const int values = Product(target_shape);
  TORPOR_CHECK(spikes.size() == static_cast<size_t>(size_) * static_cast<size_t>(values));
  TORPOR_CHECK(std::all_of(spikes.begin(), spikes.end(), [](uint8_t s) { return s <= 1; }));
  Dataset with = *this;
  with.targets_ = std::make_shared<const Targets>(Targets{.spikes = std::move(spikes),
                                                          .shape = std::move(target_shape),
                                                          .values = values,
                                                          .first = first_});
  return with;
}

void Dataset::CopySample(int64_t i, std::span<float> out) const {
  TORPOR_CHECK(i >= 0 && i < size_ && out.size() == static_cast<size_t>(features_));
  const int64_t offset = (first_ + i) * features_;
  if (has_bytes()) {
    ScalePixels(samples_->bytes.data() + offset, features_, out.data());
  } else {
    std::copy_n(samples_->floats.data() + offset, features_, out.data());
  }
}

void Dataset::CopyBytes(int64_t i, std::span<uint8_t> out) const {
  TORPOR_CHECK(i >= 0 && i < size_ && out.size() == static_cast<size_t>(features_));
  const int64_t offset = (first_ + i) * features_;
  if (has_bytes()) {
    std::copy_n(samples_->bytes.data() + offset, features_, out.data());
  } else {
    ReadPixels({samples_->floats.data() + offset, out.size()}, out);
  }
}

std::vector<int64_t> Dataset::target_shape() const {
  return has_targets() ? targets_->shape : std::vector<int64_t>();
}

int Dataset::target_values() const { return has_targets() ? targets_->values : 0; }

void Dataset::CopyTarget(int64_t i, std::span<uint8_t> out) const {
  TORPOR_CHECK(has_targets() && i >= 0 && i < size_ &&
               out.size() == static_cast<size_t>(targets_->values));
  std::copy_n(targets_->spikes.data() + (first_ + i - targets_->first) * targets_->values,
              targets_->values, out.data());
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
