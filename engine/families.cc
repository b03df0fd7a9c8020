#include "engine/families.h"

#include "engine/base/status.h"
#include "engine/lif/model.h"
#include "engine/network/ensemble.h"
#include "engine/rate/model.h"
#include "engine/stdp/model.h"
#include "engine/truenorth/model.h"

namespace torpor {

absl::StatusOr<std::unique_ptr<Model>> BuildModel(const v1::Network& network, uint64_t seed) {
  switch (network.family_case()) {
    case v1::Network::kRate:
      return RateModel::Build(network, seed);
    case v1::Network::kTruenorth:
      return TrueNorthModel::Build(network, seed);
    case v1::Network::kEnsemble:
      return EnsembleModel::Build(network, seed, BuildModel);
    case v1::Network::kStdp:
      return StdpModel::Build(network, seed);
    case v1::Network::kLif:
      return LifModel::Build(network, seed);
    case v1::Network::FAMILY_NOT_SET:
      break;
  }
  return FieldError("family",
                    "must be one that this server knows: rate, truenorth, stdp, lif or ensemble");
}

}  // namespace torpor
