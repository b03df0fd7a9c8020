// A model's parameters as an NPZ, for networks that were trained elsewhere and for use elsewhere.
//
// The array of layer "hidden" that the archive calls "layers/hidden/weight" is "hidden.weight" in
// the NPZ, with the same shape. The definition, calibration and tunings are not in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/network/model.h"

namespace torpor {

// What a definition asks of an NPZ. Immutable.
class NpzWeights {
 public:
  // INVALID_ARGUMENT names the wrong fields of the definition as "network...", and `loss` where the
  // network cannot have been trained with it (UNSPECIFIED: not said).
  static absl::StatusOr<NpzWeights> Create(const v1::Network& network, v1::Loss::Kind loss,
                                           ModelFactory factory);

  // No file that this definition needs is longer: twice its parameters in float64, so that a file
  // with some arrays too many can still be told which.
  int64_t max_bytes() const { return max_bytes_; }

  // An archive of kind "model" with the parameters of the file, without calibration.
  // INVALID_ARGUMENT names every array that is missing, that no layer has, whose shape is another,
  // or that holds a number that is not finite (in float32); DATA_LOSS for a damaged file.
  absl::StatusOr<std::string> ToArchive(std::string_view npz) const;

 private:
  struct Array {
    // "hidden.weight".
    std::string name;
    // "layers/hidden/weight".
    std::string tensor;
    std::vector<int64_t> shape;
  };
  NpzWeights() = default;

  v1::Network network_;
  v1::Loss::Kind loss_ = v1::Loss::UNSPECIFIED;
  std::vector<Array> arrays_;
  int64_t max_bytes_ = 0;
};

// The parameters of an archive (kind "model") as an NPZ of float32. DATA_LOSS for a damaged
// archive.
absl::StatusOr<std::string> NpzOfArchive(std::string_view archive);

}  // namespace torpor
