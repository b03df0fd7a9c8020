// Runs a program and talks to it through pipes (gnuplot). Thread-safe; Linux.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace torpor::cli {

struct ProgramResult {
  // Exit status, or 128 + the signal that ended the program.
  int exit_code = 0;
  std::string output;
  std::string errors;
};

// Runs argv[0] (searched on PATH), feeds it `input` and gathers what it prints. NOT_FOUND when
// there is no such program, DEADLINE_EXCEEDED (and the program killed) after `timeout`. A program
// that ends without reading its input is no error here: its exit code tells. `environment` entries
// (NAME=value) are added to the caller's.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& argv,
                                         absl::string_view input, absl::Duration timeout,
                                         const std::vector<std::string>& environment = {});

}  // namespace torpor::cli
