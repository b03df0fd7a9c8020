// NumPy's array files (NEP 1: magic, version, a Python dictionary as text, raw values).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace torpor {

// The element types that are read.
enum class NpyType { kUint8, kInt32, kInt64, kFloat32, kFloat64 };

// What an array is read for. Datasets: bytes, integers or float32, rows first. Weights: float32 or
// float64, in either order, because frameworks that keep [inputs x units] save the transpose with
// columns first.
enum class NpyUse { kDataset, kWeights };

// Bytes of one element.
int NpyItemSize(NpyType type);

struct NpyHeader {
  NpyType type = NpyType::kUint8;
  std::vector<int64_t> shape;
  // Columns first (the first index runs fastest). For weights alone.
  bool fortran_order = false;
  // Product of the shape.
  int64_t values = 0;
  // Where the values begin.
  size_t offset = 0;
};

inline constexpr int64_t kMaxNpyValues = int64_t{1} << 32;
// Longer headers than this are refused; a prefix of this length holds any that is accepted.
inline constexpr size_t kMaxNpyHeaderBytes = 4096;

// Reads the header at the start of `bytes` (versions 1.0 and 2.0, little-endian, one to eight
// dimensions, none of them 0; types and order by `use`). DATA_LOSS says what was expected and what
// was found.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view bytes, NpyUse use = NpyUse::kDataset);

// A whole dataset file: checks that exactly the named values follow. `data` views `bytes`.
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

// The values after a header for weights, `bytes` of exactly the size that it names: as float32 with
// the last index fastest. A float64 beyond the range of float32 becomes infinite.
std::vector<float> FloatsOf(const NpyHeader& header, std::string_view bytes);

// A whole file of float32, version 1.0, as numpy writes it. The shape's product is the number of
// values; at most eight dimensions.
std::string NpyOfFloats(std::span<const int64_t> shape, std::span<const float> values);

}  // namespace torpor
