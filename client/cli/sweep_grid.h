// The grid of a power sweep as flags give it, for every command that runs one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/session.pb.h"

namespace torpor::cli {

struct SweepGrid {
  std::string dataset = "", split = "";
  // List or start:end:step, and list of policies; empty: no axis.
  std::string epsilon = "", bias = "";
  // First samples only; 0 means all.
  int64_t samples = 0;
  // Levers beside epsilon and bias, each name=value; with several values by comma, or for numbers
  // start:end:step, an axis of the grid.
  std::vector<std::string> levers = {};
  // Layers that epsilon scales, by comma; empty: all.
  std::string epsilon_layers = "";
  // Levels of column noise, by comma; "none"; empty: the server's default.
  std::string noise = "";
  int noise_seeds = 0;
  // No axis but the policies': the levers alone are measured. FillSweepGrid sets it.
  bool one_mode = false;
};

// The noise that accuracy is measured under, from --noise and --noise-seeds.
absl::StatusOr<v1::NoiseSpec> ParseNoise(const std::string& levels, int seeds);

// Gives a grid that names no epsilon and no axis those of the network's levers: epsilon
// 1,0.5,0.2,0.1,0.05 with the policies `bias`, or powers of two of its steps. A lever with one
// value of its own gets none.
void FillSweepGrid(const v1::Session& session, const std::string& bias, SweepGrid& grid);

// The specification of the grid, without a realisation. Usage errors name the flag.
absl::StatusOr<v1::PowerSweepSpec> ParseSweepGrid(const SweepGrid& grid);

// A recipe's sweep with what the flags say instead: its axes give way to theirs all together. A
// usage error where neither names a dataset.
absl::StatusOr<v1::PowerSweepSpec> LaySweepGridOver(v1::PowerSweepSpec recipe,
                                                    const SweepGrid& grid);

}  // namespace torpor::cli
