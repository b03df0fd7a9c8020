// NumPy's array files (NEP 1: magic, version, a Python dictionary as text, raw values).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace torpor {

// The element types that datasets use.
enum class NpyType { kUint8, kInt32, kInt64, kFloat32 };

// Bytes of one element.
int NpyItemSize(NpyType type);

struct NpyHeader {
  NpyType type = NpyType::kUint8;
  std::vector<int64_t> shape;
  // Product of the shape.
  int64_t values = 0;
  // Where the values begin.
  size_t offset = 0;
};

inline constexpr int64_t kMaxNpyValues = int64_t{1} << 32;
// Longer headers than this are refused; a prefix of this length holds any that is accepted.
inline constexpr size_t kMaxNpyHeaderBytes = 4096;

// Reads the header at the start of `bytes` (versions 1.0 and 2.0, little-endian, C order, one to
// eight dimensions, none of them 0). DATA_LOSS says what was expected and what was found.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view bytes);

// A whole file: checks that exactly the named values follow. `data` views `bytes`.
struct NpyArray {
  NpyType type = NpyType::kUint8;
  std::vector<int64_t> shape;
  std::string_view data;
  // Element i of an integer array.
  int64_t IntegerAt(int64_t i) const;
  // Element i of a float array.
  float FloatAt(int64_t i) const;
};
absl::StatusOr<NpyArray> ParseNpy(std::string_view bytes);

}  // namespace torpor
