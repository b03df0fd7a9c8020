// torpor session spikes: a stream of spikes through a session.
#pragma once

#include "CLI/App.hpp"
#include "client/cli/context.h"

namespace torpor::cli {

void AddSpikesCommand(CLI::App& session, Context& context);

}  // namespace torpor::cli
