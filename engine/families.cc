#include "engine/families.h"

#include "engine/base/status.h"
#include "engine/rate/model.h"

namespace torpor {

absl::StatusOr<std::unique_ptr<Model>> BuildModel(const v1::Network& network, uint64_t seed) {
  switch (network.family_case()) {
    case v1::Network::kRate:
      return RateModel::Build(network, seed);
    case v1::Network::FAMILY_NOT_SET:
      break;
  }
  return FieldError("family", "must be one that this server knows: rate");
}

}  // namespace torpor
