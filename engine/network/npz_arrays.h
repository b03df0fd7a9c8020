// What a definition asks of the arrays of an NPZ, and the ways in which a file can fall short.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/data/npz.h"

namespace torpor {

// Beside the values of a file: headers, and the zip's directory.
inline constexpr int64_t kNpzOverhead = 1 << 20;

struct NpzShape {
  std::string name;
  std::vector<int64_t> shape;
};

// Every array that is not as the definition asks.
class NpzMismatches {
 public:
  // `kind` groups long lists: "missing", "not in the definition", ...
  void Add(std::string array, std::string kind, std::string description);
  bool empty() const { return mismatches_.empty(); }
  // OK, or INVALID_ARGUMENT that names every mismatch: one by one where they are few, by kind where
  // they are many, because a status has room for about 4 kB.
  absl::Status ToStatus() const;

 private:
  struct Mismatch {
    std::string array;
    std::string kind;
    std::string description;
  };
  std::vector<Mismatch> mismatches_;
};

// Arrays that are missing, have another shape, or belong to nothing. Reads no values.
absl::Status CheckNpzShapes(const NpzReader& reader, const std::vector<NpzShape>& wanted);

// The values of an array that is known to be there.
absl::StatusOr<std::vector<float>> ReadNpzArray(const NpzReader& reader, const std::string& name);

// "[3, 17]" for the value at `flat`.
std::string NpzIndexText(const std::vector<int64_t>& shape, int64_t flat);

}  // namespace torpor
