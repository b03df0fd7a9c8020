// What the specification of a selection must satisfy, and its defaults (spec_check.h).
#pragma once

#include "absl/status/status.h"
#include "engine/base/status.h"
#include "engine/network/model.h"
#include "torpor/v1/dataset.pb.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// Paths from the request's root, e.g. "spec.select.storages[1].quantization.weight_bits".
void CheckSelectBounds(const v1::SelectSpec& spec, Violations& violations);

// Those of the selection; what its candidates leave open is filled in when they are checked.
void FillSelectDefaults(v1::SelectSpec& spec);

// Builds every candidate once in every storage: networks, trainings, storages, memory counting and
// the dataset must fit each other. Fills what each candidate's training leaves open with the
// defaults of its family. `archive` is the session's model, of candidates without a network.
absl::Status FitSelect(v1::SelectSpec& spec, const std::string& archive, const v1::Dataset& dataset,
                       ModelFactory factory);

}  // namespace torpor
