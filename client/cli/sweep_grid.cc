#include "client/cli/sweep_grid.h"

#include "absl/strings/str_split.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"

namespace torpor::cli {

absl::StatusOr<v1::NoiseSpec> ParseNoise(const std::string& levels, int seeds) {
  v1::NoiseSpec noise;
  if (levels == "none") {
    noise.set_without(true);
  } else if (!levels.empty()) {
    CLI_ASSIGN_OR_RETURN(const std::vector<double> values, ParseGrid(levels, "--noise"));
    noise.mutable_levels()->Add(values.begin(), values.end());
  }
  noise.set_seeds(seeds);
  return noise;
}

absl::StatusOr<v1::PowerSweepSpec> ParseSweepGrid(const SweepGrid& grid) {
  v1::PowerSweepSpec sweep;
  sweep.set_dataset(FullName("datasets", grid.dataset));
  CLI_ASSIGN_OR_RETURN(const v1::Split::Kind split, ParseSplit(grid.split));
  sweep.set_split(split);
  sweep.set_samples(grid.samples);
  CLI_ASSIGN_OR_RETURN(const std::vector<double> epsilons, ParseGrid(grid.epsilon, "--epsilon"));
  sweep.mutable_epsilon()->Add(epsilons.begin(), epsilons.end());
  for (const absl::string_view bias : absl::StrSplit(grid.bias, ',')) {
    CLI_ASSIGN_OR_RETURN(const v1::BiasPolicy::Kind kind, ParseBias(std::string(bias)));
    sweep.add_bias(kind);
  }
  CLI_ASSIGN_OR_RETURN(const PowerChange change, ParsePowerChange(grid.levers, "", ""));
  *sweep.mutable_base() = change.mode;
  for (const absl::string_view layer :
       absl::StrSplit(grid.epsilon_layers, ',', absl::SkipEmpty())) {
    sweep.add_epsilon_layers(std::string(layer));
  }
  CLI_ASSIGN_OR_RETURN(*sweep.mutable_noise(), ParseNoise(grid.noise, grid.noise_seeds));
  return sweep;
}

}  // namespace torpor::cli
