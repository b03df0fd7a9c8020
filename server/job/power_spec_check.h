// What specifications of jobs that measure power modes must satisfy: evaluate, power_sweep and
// power_search.
#pragma once

#include "absl/status/status.h"
#include "engine/base/status.h"
#include "engine/network/model.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// Everything that needs neither session nor data; every violation by its path from the request's
// root, e.g. "spec.power_sweep.noise.levels[0]".
void CheckEvaluateBounds(const v1::EvaluateSpec& spec, Violations& violations);
void CheckPowerSweepBounds(const v1::PowerSweepSpec& spec, Violations& violations);
void CheckPowerSearchBounds(const v1::PowerSearchSpec& spec, Violations& violations);

// Writes out the defaults.
void FillEvaluateDefaults(v1::EvaluateSpec& spec);
void FillPowerSweepDefaults(v1::PowerSweepSpec& spec);
void FillPowerSearchDefaults(v1::PowerSearchSpec& spec);

// Against the session's network: levers, layers, realisation, calibration. Modes of a sweep that
// the network has the levers for but cannot deploy are rows with their error, not refusals.
absl::Status CheckPowerSweepAgainst(const v1::PowerSweepSpec& spec, const Model& model);
absl::Status CheckPowerSearchAgainst(const v1::PowerSearchSpec& spec, const Model& model);

}  // namespace torpor
