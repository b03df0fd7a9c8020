// The one list of the network families.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "engine/network/model.h"

namespace torpor {

// A ModelFactory over all families.
absl::StatusOr<std::unique_ptr<Model>> BuildModel(const v1::Network& network, uint64_t seed);

}  // namespace torpor
