// Reads the test images of a dataset in IDX format, plain or gzip, for programs that stream them to
// a server. Format: http://yann.lecun.com/exdb/mnist: two zero bytes, element type (8: unsigned
// byte), number of dimensions, then each dimension as a big-endian 32-bit number, then the
// elements, row-major. Thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace torpor::cli {

struct IdxArray {
  std::vector<int64_t> shape;
  std::string bytes;  // One byte an element, row-major.
};

// Labelled images: `pixels` [count x pixels_per_image], uint8.
struct LabelledImages {
  std::vector<int64_t> image_shape;
  int64_t count = 0;
  int64_t pixels_per_image = 0;
  std::string pixels;
  std::vector<uint8_t> labels;

  // Labels are 0..classes-1.
  int classes() const {
    return labels.empty() ? 0 : 1 + *std::max_element(labels.begin(), labels.end());
  }
  // The bytes of `n` images from `first`; both within count.
  absl::string_view Slice(int64_t first, int64_t n) const {
    return absl::string_view(pixels).substr(first * pixels_per_image, n * pixels_per_image);
  }
};

// Reads one file. NOT_FOUND when it cannot be opened; DATA_LOSS, naming the file, when it is no
// whole IDX file of unsigned bytes or is followed by more bytes.
absl::StatusOr<IdxArray> ReadIdx(const std::string& path);

// Reads `<folder>/t10k-images-idx3-ubyte[.gz]` and the labels that go with it, from the first
// folder
// `<one of dataset_path, split at ':'>/<name>` that holds them. NOT_FOUND lists where it looked.
absl::StatusOr<LabelledImages> ReadTestImages(absl::string_view dataset_path,
                                              absl::string_view name);

}  // namespace torpor::cli
