#include <algorithm>
#include <cmath>

#include "engine/base/random.h"
#include "engine/data/catalogue.h"

namespace torpor {
namespace {

constexpr int kSide = 12;
constexpr int kClasses = 10;
// Two unlike pictures a class, so that no single template per class fits.
constexpr int kPicturesPerClass = 2;
constexpr int kBlobs = 4;
constexpr int64_t kTrainSamples = 2000;
constexpr int64_t kTestSamples = 500;
// The set is fixed: its seed is part of its definition.
constexpr uint64_t kSeed = 20170601;

struct Blob {
  double row, column;
};

// A picture's blobs, from its number alone; blobs keep away from the edge, where shifts would push
// them out.
std::vector<Blob> BlobsOf(int picture) {
  RandomStream random(kSeed, RandomPurpose::kSyntheticData, 0, static_cast<uint64_t>(picture));
  std::vector<Blob> blobs(kBlobs);
  for (Blob& blob : blobs) {
    blob.row = 2 + random.NextDouble() * (kSide - 5);
    blob.column = 2 + random.NextDouble() * (kSide - 5);
  }
  return blobs;
}

}  // namespace

Dataset SyntheticDigits(v1::Split::Kind split) {
  const bool train = split == v1::Split::TRAIN;
  const int64_t n = train ? kTrainSamples : kTestSamples;
  std::vector<std::vector<Blob>> pictures;
  for (int i = 0; i < kClasses * kPicturesPerClass; ++i) pictures.push_back(BlobsOf(i));

  std::vector<uint8_t> pixels(static_cast<size_t>(n * kSide * kSide));
  std::vector<int32_t> labels(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    RandomStream random(kSeed, RandomPurpose::kSyntheticData, train ? 1 : 2,
                        static_cast<uint64_t>(i));
    const size_t picture = random.NextBelow(pictures.size());
    labels[static_cast<size_t>(i)] = static_cast<int32_t>(picture) / kPicturesPerClass;
    const double down = random.NextDouble() * 2 - 1;
    const double right = random.NextDouble() * 2 - 1;
    const double contrast = 0.6 + 0.4 * random.NextDouble();
    for (int row = 0; row < kSide; ++row) {
      for (int column = 0; column < kSide; ++column) {
        double light = 0.12 * random.NextNormal();
        for (const Blob& blob : pictures[picture]) {
          const double dy = row - blob.row - down;
          const double dx = column - blob.column - right;
          light += contrast * std::exp(-(dy * dy + dx * dx) / 2);
        }
        pixels[static_cast<size_t>((i * kSide + row) * kSide + column)] =
            static_cast<uint8_t>(std::lround(std::clamp(light, 0.0, 1.0) * 255));
      }
    }
  }
  return Dataset::FromBytes(std::move(pixels), {kSide, kSide}, std::move(labels), kClasses);
}

}  // namespace torpor
