// torpor dataset samples, torpor dataset spikes: what is in a dataset.
#pragma once

#include "CLI/App.hpp"
#include "client/cli/context.h"

namespace torpor::cli {

void AddSampleCommands(CLI::App& dataset, Context& context);

}  // namespace torpor::cli
