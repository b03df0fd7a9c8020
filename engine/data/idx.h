// The IDX format of MNIST and its relatives (Y. LeCun: bytes 0 0 type rank, then big-endian
// dimensions, then values).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace torpor {

// The head of an IDX file of unsigned bytes.
struct IdxHeader {
  std::vector<int64_t> dimensions;
  // Product of the dimensions: bytes of values that must follow.
  int64_t values = 0;
  // Where they begin.
  size_t offset = 0;
};

// At most this many values are accepted, so that sizes can be refused before anything is allocated.
inline constexpr int64_t kMaxIdxValues = int64_t{1} << 32;
// Bytes that hold any header of the accepted ranks.
inline constexpr size_t kMaxIdxHeaderBytes = 4 + 4 * 8;

// Reads the header at the start of `bytes`, which may go on or be cut off after it. `rank` is the
// number of dimensions that the file must have (1 labels, 3 images). DATA_LOSS says what was
// expected and what was found: the magic number, a zero dimension, a product above kMaxIdxValues.
absl::StatusOr<IdxHeader> ParseIdxHeader(std::string_view bytes, int rank);

// A whole file: checks that exactly header.values bytes follow the header. The result views
// `bytes`.
struct IdxArray {
  std::vector<int64_t> dimensions;
  std::string_view values;
};
absl::StatusOr<IdxArray> ParseIdx(std::string_view bytes, int rank);

}  // namespace torpor
