// torpor job submit tune: trains the biases for weights that stand scaled.
#pragma once

#include "client/cli/command.h"

namespace torpor::cli {

void AddJobTune(CLI::App& submit, Context& context);

}  // namespace torpor::cli
