// torpor power sweep: accuracy and power over a grid of modes.
#pragma once

#include <vector>

#include "client/cli/command.h"
#include "client/cli/output.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// Prints measured modes: a table for people, every figure and interval in CSV, `whole` in JSON.
void PrintModeRows(Context& context, const v1::Job& job);

void AddPowerSweep(CLI::App& power, Context& context);

}  // namespace torpor::cli
