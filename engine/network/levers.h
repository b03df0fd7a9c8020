// The levers that a model publishes, and the check of a power mode against them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// Copies of a network that one piece of hardware holds, at most.
inline constexpr int kMaxCopies = 4096;

// What a power mode may set on a model. Immutable.
class Levers {
 public:
  // `layer_names` are the layers that levers by layer apply to; `other_layers` the rest of the
  // network, known so that an error can say why they are no choice.
  Levers(std::vector<v1::Lever> levers, std::vector<std::string> layer_names,
         std::vector<std::string> other_layers = {});
  const std::vector<v1::Lever>& all() const { return levers_; }
  const std::vector<std::string>& layer_names() const { return layer_names_; }
  // OK, or INVALID_ARGUMENT with paths such as "epsilon" or "layer_epsilon[hidden]" that name the
  // bound; for a lever that is not here, the levers that are. NaN is refused.
  absl::Status Check(const v1::PowerMode& mode) const;

 private:
  std::vector<v1::Lever> levers_;
  std::vector<std::string> layer_names_;
  std::vector<std::string> other_layers_;
};

// `change` laid over `base`: levers named in `paths` are taken from `change` (cleared if unset
// there). Unknown paths are INVALID_ARGUMENT.
absl::StatusOr<v1::PowerMode> MergeModes(const v1::PowerMode& base, const v1::PowerMode& change,
                                         const std::vector<std::string>& paths);

// What hardware of any family must be: column_noise in [0, 10] and off_conductance in [0, 1), not
// NaN; connections of a kind that is known; copies in 0..kMaxCopies. Paths are the fields' names.
absl::Status CheckRealisation(const v1::Realisation& realisation);

}  // namespace torpor
