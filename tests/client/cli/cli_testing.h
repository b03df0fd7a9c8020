// Runs the command line in memory, as the tests of the client need it.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/context.h"

namespace torpor::cli {

struct RunResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Runs `torpor ARGUMENTS` with this environment alone and `input` on standard input.
inline RunResult RunTorpor(std::vector<std::string> arguments,
                           std::map<std::string, std::string> environment = {},
                           const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out, err;
  Context context(in, out, err);
  context.environment = [&environment](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  RunResult result;
  result.exit_code = RunCommandLine(std::move(arguments), context);
  result.out = out.str();
  result.err = err.str();
  return result;
}

}  // namespace torpor::cli
