// What the specification of a tuning job must satisfy, and its defaults (spec_check.h).
#pragma once

#include "absl/status/status.h"
#include "engine/base/status.h"
#include "engine/network/model.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// Paths from the request's root, e.g. "spec.tune.epsilon[1]".
void CheckTuneBounds(const v1::TuneSpec& spec, Violations& violations);

// The loss stays unset where it is to be that of the model.
void FillTuneDefaults(v1::TuneSpec& spec);

// Whether the model can be tuned so. `session` is the session's mode, whose epsilons count where
// the specification has none.
absl::Status CheckTuneAgainst(const v1::TuneSpec& spec, const v1::PowerMode& session,
                              const Model& model);

}  // namespace torpor
