// Labelled samples in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/file_system.h"
#include "engine/base/gemm.h"
#include "torpor/v1/dataset.pb.h"

namespace torpor {

// One split (train or test) of a dataset: n samples of `features` values and their labels.
// Immutable after loading, so readable from any thread. Images are stored as bytes and read as
// value / 255; other sets as floats. Where labels say too little, each sample also has a target:
// the spikes that it is to become. Copies and slices share the samples.
class Dataset {
 public:
  // `pixels` has labels.size() * features bytes, row-major; sample_shape's product is `features`.
  static Dataset FromBytes(std::vector<uint8_t> pixels, std::vector<int64_t> sample_shape,
                           std::vector<int32_t> labels, int classes);
  static Dataset FromFloats(std::vector<float> values, std::vector<int64_t> sample_shape,
                            std::vector<int32_t> labels, int classes);
  // These samples with a target each. `spikes` are zeros and ones [size x steps x units];
  // target_shape is [steps, units].
  Dataset WithTargets(std::vector<uint8_t> spikes, std::vector<int64_t> target_shape) const;

  int64_t size() const { return size_; }
  int features() const { return features_; }
  const std::vector<int64_t>& sample_shape() const { return samples_->shape; }
  // Labels are 0..classes-1.
  int classes() const { return classes_; }
  int32_t label(int64_t i) const { return samples_->labels[static_cast<size_t>(first_ + i)]; }
  // Bytes, each of which stands for value / 255; floats otherwise.
  bool has_bytes() const { return !samples_->bytes.empty(); }
  // Writes sample i, scaled, into out[features].
  void CopySample(int64_t i, std::span<float> out) const;
  // Writes sample i as 8-bit intensities into out[features]: the stored bytes, or floats as
  // ReadPixels reads them.
  void CopyBytes(int64_t i, std::span<uint8_t> out) const;
  // Samples first..first+count-1 as the rows of `out` [count x features].
  void CopyRange(int64_t first, int64_t count, MatrixView out) const;
  // Samples begin..end-1 as a set of their own.
  Dataset Slice(int64_t begin, int64_t end) const;

  bool has_targets() const { return targets_ != nullptr; }
  // [steps, units]; empty without targets.
  std::vector<int64_t> target_shape() const;
  // Steps times units; 0 without targets.
  int target_values() const;
  // Writes sample i's target, zeros and ones, into out[target_values].
  void CopyTarget(int64_t i, std::span<uint8_t> out) const;

 private:
  struct Samples {
    // One of the two is empty.
    std::vector<uint8_t> bytes;
    std::vector<float> floats;
    std::vector<int64_t> shape;
    std::vector<int32_t> labels;
  };

  struct Targets {
    std::vector<uint8_t> spikes;
    std::vector<int64_t> shape;
    int values = 0;
    // The sample that the first of them belongs to.
    int64_t first = 0;
  };

  Dataset(Samples samples, int classes);

  std::shared_ptr<const Samples> samples_;
  // Null without.
  std::shared_ptr<const Targets> targets_;
  int64_t first_ = 0;
  int64_t size_ = 0;
  int features_ = 0;
  int classes_ = 0;
};

}  // namespace torpor
