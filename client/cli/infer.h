// torpor session infer: classifies samples of a dataset or of a file.
#pragma once

#include "CLI/App.hpp"
#include "client/cli/context.h"

namespace torpor::cli {

void AddInferCommand(CLI::App& session, Context& context);

}  // namespace torpor::cli
