// NumPy's NPZ: a zip whose members are NPY files, "<name>.npy" each. Read without trusting it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/data/npy.h"

namespace torpor {

// More members than this are refused.
inline constexpr int64_t kMaxNpzArrays = 4096;

// An NPZ whose members' headers were read. Values are read one array at a time, so that a caller
// can check every shape before it pays for any values: no member is inflated beyond the size that
// its own header names. Not thread-safe.
class NpzReader {
 public:
  struct Array {
    // Without ".npy"; unique.
    std::string name;
    NpyHeader header;
  };

  // `bytes` outlives the reader. Members are stored or deflated float32 or float64 arrays
  // (NpyUse::kWeights). DATA_LOSS with reason NPZ_CORRUPT that names the member: a cut off or
  // damaged zip, encryption, other compressions, names twice, members that are no such arrays or
  // whose size is not what their header names.
  static absl::StatusOr<NpzReader> Open(std::string_view bytes);
  ~NpzReader();
  NpzReader(NpzReader&&) noexcept;
  NpzReader& operator=(NpzReader&&) noexcept;

  // In the order of the file.
  const std::vector<Array>& arrays() const { return arrays_; }
  // The values of arrays()[index] as float32, last index fastest; memory is taken for exactly the
  // values that the header names. DATA_LOSS as above when the member ends early, goes on, or fails
  // its checksum.
  absl::StatusOr<std::vector<float>> Read(size_t index) const;

 private:
  struct Zip;
  NpzReader();
  std::unique_ptr<Zip> zip_;
  std::vector<Array> arrays_;
};

// An array to write; views the caller's values.
struct NpzFloats {
  // Without ".npy".
  std::string name;
  std::vector<int64_t> shape;
  std::span<const float> values;
};

// A whole NPZ of float32 arrays, stored without compression (trained weights do not shrink) and
// without times, so that equal arrays are equal bytes.
absl::StatusOr<std::string> WriteNpz(std::span<const NpzFloats> arrays);

}  // namespace torpor
