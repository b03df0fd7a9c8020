// The settings that a tuning job works through.
#pragma once

#include <vector>

#include "torpor/v1/job.pb.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// One mode for each tuning of the spec, in order: its epsilons and, as `bias`, the policy to start
// from. `session` is the mode whose epsilons are tuned for when the spec has none. A start that is
// approximate on a network is as good a start as any, so `approximate` is set where it matters.
std::vector<v1::PowerMode> TuneModes(const v1::TuneSpec& spec, const v1::PowerMode& session);

// The same setting with its tuned biases in force.
v1::PowerMode TunedMode(v1::PowerMode start);

}  // namespace torpor
