#include "engine/data/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr double kMaxRotation = 180;
constexpr double kMaxShift = 64;
constexpr double kMaxRescale = 0.9;
// A place outside is moved to the border of zeros: at most one pixel before the image and two after
// it are read.
constexpr int kBefore = 1;
constexpr int kAfter = 2;

// Where output pixels come from: source row = row + row_by_row y + row_by_column x, and likewise
// the column, with output pixel (y, x).
struct Mapping {
  float row, row_by_row, row_by_column;
  float column, column_by_row, column_by_column;
};

// `padded` is the plane with its border [(height + 3) x (width + 3)].
TORPOR_SIMD void Resample(const float* __restrict padded, const Mapping& map, int height, int width,
                          float* __restrict out) {
  const int stride = width + kBefore + kAfter;
  const float last_row = static_cast<float>(height), last_column = static_cast<float>(width);
  for (int y = 0; y < height; ++y) {
    const float row = map.row + map.row_by_row * static_cast<float>(y);
    const float column = map.column + map.column_by_row * static_cast<float>(y);
    for (int x = 0; x < width; ++x) {
      float r = row + map.row_by_column * static_cast<float>(x);
      float c = column + map.column_by_column * static_cast<float>(x);
      r = (r > -1.0f ? (r < last_row ? r : last_row) : -1.0f) + 1.0f;
      c = (c > -1.0f ? (c < last_column ? c : last_column) : -1.0f) + 1.0f;
      // Not negative, hence truncation is the floor.
      const int r0 = static_cast<int>(r), c0 = static_cast<int>(c);
      const float down = r - static_cast<float>(r0), right = c - static_cast<float>(c0);
      const int at = r0 * stride + c0;
      const float above = padded[at] + right * (padded[at + 1] - padded[at]);
      const float below =
          padded[at + stride] + right * (padded[at + stride + 1] - padded[at + stride]);
      out[y * width + x] = above + down * (below - above);
    }
  }
}

void CheckBound(const std::string& path, double value, double most, Violations& violations) {
  // Written so that NaN fails.
  if (value >= 0 && value <= most) return;
  violations.Add(path, absl::StrCat("must be in 0..", most, ", got ", value));
}

}  // namespace

void Augmenter::Check(const v1::Augmentation& spec, int epochs, const std::string& prefix,
                      Violations& violations) {
  const std::string path = prefix + "augmentation.";
  CheckBound(path + "rotation", spec.rotation(), kMaxRotation, violations);
  CheckBound(path + "shift", spec.shift(), kMaxShift, violations);
  CheckBound(path + "rescale", spec.rescale(), kMaxRescale, violations);
  if (spec.plain_epochs() < 0 || spec.plain_epochs() > epochs) {
    violations.Add(path + "plain_epochs",
                   absl::StrCat("must be in 0..", epochs, ", the epochs of this training, got ",
                                spec.plain_epochs()));
  }
}

bool Augmenter::Changes(const v1::Augmentation& spec) {
  return spec.rotation() > 0 || spec.shift() > 0 || spec.rescale() > 0;
}

absl::StatusOr<Augmenter> Augmenter::Create(const v1::Augmentation& spec,
                                            std::vector<int64_t> sample_shape, uint64_t seed) {
  Violations violations;
  Check(spec, std::max(0, spec.plain_epochs()), "", violations);
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  if (sample_shape.size() == 2) sample_shape.insert(sample_shape.begin(), 1);
  if (sample_shape.size() != 3) {
    return FieldError("augmentation",
                      absl::StrCat("needs images, samples of shape [height, width] or [channels, "
                                   "height, width]; these have ",
                                   sample_shape.size(), " dimensions"));
  }
  return Augmenter(spec, static_cast<int>(sample_shape[0]), static_cast<int>(sample_shape[1]),
                   static_cast<int>(sample_shape[2]), seed);
}

Augmenter::Augmenter(const v1::Augmentation& spec, int channels, int height, int width,
                     uint64_t seed)
    : rotation_(spec.rotation() * std::numbers::pi / 180),
      shift_(spec.shift()),
      rescale_(spec.rescale()),
      channels_(channels),
      height_(height),
      width_(width),
      seed_(seed) {}

void Augmenter::Apply(int64_t epoch, int64_t sample, std::span<const float> image,
                      std::span<float> out) const {
  const size_t plane = static_cast<size_t>(height_) * static_cast<size_t>(width_);
  TORPOR_CHECK(image.size() == plane * static_cast<size_t>(channels_) &&
               out.size() == image.size());
  RandomStream random(seed_, RandomPurpose::kAugmentation, 0, static_cast<uint64_t>(sample),
                      static_cast<uint32_t>(epoch));
  const auto uniform = [&random](double most) { return most * (2 * random.NextDouble() - 1); };
  const double angle = uniform(rotation_);
  const double down = uniform(shift_), right = uniform(shift_);
  const double scale = 1 + uniform(rescale_);
  // The image is scaled and turned about its centre, then shifted; the mapping goes back. Rows grow
  // downwards, so this angle turns against the clock.
  const double cosine = std::cos(angle) / scale, sine = std::sin(angle) / scale;
  const double centre_row = (height_ - 1) / 2.0, centre_column = (width_ - 1) / 2.0;
  const double row = -centre_row - down, column = -centre_column - right;
  const Mapping map = {.row = static_cast<float>(centre_row + cosine * row + sine * column),
                       .row_by_row = static_cast<float>(cosine),
                       .row_by_column = static_cast<float>(sine),
                       .column = static_cast<float>(centre_column - sine * row + cosine * column),
                       .column_by_row = static_cast<float>(-sine),
                       .column_by_column = static_cast<float>(cosine)};
  const size_t stride = static_cast<size_t>(width_ + kBefore + kAfter);
  std::vector<float> padded(stride * static_cast<size_t>(height_ + kBefore + kAfter));
  for (size_t c = 0; c < static_cast<size_t>(channels_); ++c) {
    for (size_t y = 0; y < static_cast<size_t>(height_); ++y) {
      const auto from = image.subspan(c * plane + y * static_cast<size_t>(width_));
      std::copy_n(from.begin(), width_, padded.begin() + (y + kBefore) * stride + kBefore);
    }
    Resample(padded.data(), map, height_, width_, out.data() + c * plane);
  }
}

}  // namespace torpor
