// What families check alike of a training specification.
#pragma once

#include <initializer_list>
#include <string>

#include "engine/base/status.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// A loss or optimiser that is set must be one of the family's `own`; a violation names it and
// those. `path` is the field's, e.g. "loss".
void CheckLoss(v1::Loss::Kind loss, std::initializer_list<v1::Loss::Kind> own,
               const std::string& path, Violations& violations);
void CheckOptimizer(v1::Optimizer::Kind optimizer, std::initializer_list<v1::Optimizer::Kind> own,
                    const std::string& path, Violations& violations);

// Settings of other families than `own` must not be there.
void CheckFamilySettings(const v1::TrainSpec& spec, v1::Network::FamilyCase own,
                         Violations& violations);

}  // namespace torpor
