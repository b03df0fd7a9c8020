// torpor power search: the epsilon at which a network draws a given share of its full power.
#pragma once

#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/job_run.h"
#include "client/cli/power_mode.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

struct SearchFlags {
  double nasp = 0;
  std::string dataset, split, noise;
  int64_t samples = 0;
  int noise_seeds = 0;
  bool per_layer = false;
};

// --nasp and what goes with it. `required`: the command is about nothing else.
void AddSearchFlags(CLI::App& command, SearchFlags& flags, bool required);

// Runs the search as a job and follows it to its end: `change` laid over the session's mode says
// what stands beside epsilon. With `apply` the server puts the mode that it found in force. An
// unreachable target is an error with the floor.
absl::StatusOr<v1::Job> SearchMode(Context& context, const std::string& session,
                                   const SearchFlags& flags, const PowerChange& change, bool apply,
                                   const SubmitFlags& submit);

void AddPowerSearch(CLI::App& power, Context& context);

}  // namespace torpor::cli
