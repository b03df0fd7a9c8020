// A training specification as the numbers of a learning rule.
#pragma once

#include "absl/status/status.h"
#include "engine/stdp/learning.h"
#include "engine/stdp/plan.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Sets what the specification leaves open, as training.proto says.
void FillStdpDefaults(const StdpPlan& plan, v1::TrainSpec& spec);

// Of a specification with its defaults. INVALID_ARGUMENT names fields of the spec: what a rule
// without gradient has no use for (loss, optimizer, momentum, schedule, warm-up), numbers out of
// bounds ("stdp.window_steps").
absl::Status CheckStdpTraining(const v1::TrainSpec& spec);

// `spec` was filled and checked.
LearningSettings LearningSettingsOf(const StdpPlan& plan, const v1::TrainSpec& spec);

}  // namespace torpor
