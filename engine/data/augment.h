// Random changes of training images: v1::Augmentation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/status.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Turns, shifts and scales images by one bilinear resampling about their centre, ((height - 1) / 2,
// (width - 1) / 2), with zeros outside. All channels of an image change alike. What happens to a
// sample in an epoch depends on the seed and these alone, not on threads, batches or order.
// Immutable, hence thread-safe.
class Augmenter {
 public:
  // INVALID_ARGUMENT names fields by their path from the specification, "augmentation.rotation":
  // values out of bounds (angles 0..180 degrees, shifts 0..64 pixels, scales 0..0.9 of the image),
  // or samples that are not images [height, width] or [channels, height, width].
  static absl::StatusOr<Augmenter> Create(const v1::Augmentation& spec,
                                          std::vector<int64_t> sample_shape, uint64_t seed);
  // The bounds alone, for when no data are known, and 0 <= plain_epochs <= epochs; the paths follow
  // `prefix`.
  static void Check(const v1::Augmentation& spec, int epochs, const std::string& prefix,
                    Violations& violations);
  // Whether it changes any image.
  static bool Changes(const v1::Augmentation& spec);

  // Writes the changed image, [features]; the two do not overlap.
  void Apply(int64_t epoch, int64_t sample, std::span<const float> image,
             std::span<float> out) const;

 private:
  Augmenter(const v1::Augmentation& spec, int channels, int height, int width, uint64_t seed);

  // Radians, pixels, share.
  double rotation_, shift_, rescale_;
  int channels_, height_, width_;
  uint64_t seed_;
};

}  // namespace torpor
