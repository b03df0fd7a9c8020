// The grid of a power sweep as flags give it, for every command that runs one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

struct SweepGrid {
  std::string dataset = "", split = "";
  // List or start:end:step, and list of policies.
  std::string epsilon = "1,0.5,0.2,0.1,0.05", bias = "none";
  // First samples only; 0 means all.
  int64_t samples = 0;
  // Levers beside the grid, each name=value.
  std::vector<std::string> levers = {};
  // Layers that epsilon scales, by comma; empty: all.
  std::string epsilon_layers = "";
  // Levels of column noise, by comma; "none"; empty: the server's default.
  std::string noise = "";
  int noise_seeds = 0;
};

// The noise that accuracy is measured under, from --noise and --noise-seeds.
absl::StatusOr<v1::NoiseSpec> ParseNoise(const std::string& levels, int seeds);

// The specification of the grid, without a realisation. Usage errors name the flag.
absl::StatusOr<v1::PowerSweepSpec> ParseSweepGrid(const SweepGrid& grid);

}  // namespace torpor::cli
