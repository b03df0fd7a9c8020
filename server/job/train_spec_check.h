// What the settings of a training must satisfy wherever they stand, and their defaults
// (spec_check.h).
#pragma once

#include <string>

#include "engine/base/status.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Bounds that hold for every family; `path` ends in a dot, e.g. "spec.train.". The dataset is the
// caller's.
void CheckTrainSettings(const v1::TrainSpec& spec, const std::string& path, Violations& violations);

// Defaults that are the same for every family, of what its own (Model::FillTrainDefaults) left open.
void FillTrainSettings(v1::TrainSpec& spec);

}  // namespace torpor
