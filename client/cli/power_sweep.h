// torpor power sweep: accuracy and power over a grid of modes.
#pragma once

#include "client/cli/command.h"

namespace torpor::cli {

void AddPowerSweep(CLI::App& power, Context& context);

}  // namespace torpor::cli
