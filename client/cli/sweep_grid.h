// The grid of a power sweep as flags give it, for every command that runs one.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

struct SweepGrid {
  std::string dataset = "", split = "";
  // List or start:end:step, and list of policies.
  std::string epsilon = "1,0.5,0.2,0.1,0.05", bias = "none";
  // First samples only; 0 means all.
  int64_t samples = 0;
};

// The specification of the grid, without a realisation. Usage errors name the flag.
absl::StatusOr<v1::PowerSweepSpec> ParseSweepGrid(const SweepGrid& grid);

}  // namespace torpor::cli
