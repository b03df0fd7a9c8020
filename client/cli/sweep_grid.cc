#include "client/cli/sweep_grid.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/name_value.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"

namespace torpor::cli {
namespace {

constexpr char kEpsilons[] = "1,0.5,0.2,0.1,0.05";

// Whether a lever has several values.
bool IsAxis(const std::string& lever) {
  const auto pair = NameAndValue(lever);
  return pair && pair->second.find_first_of(",:") != std::string::npos;
}

bool IsNamed(const std::string& lever, const SweepGrid& grid) {
  return absl::c_any_of(grid.levers, [&](const std::string& text) {
    const auto pair = NameAndValue(text);
    return pair && pair->first == lever;
  });
}

// steps=1,2,4 or margin=0:20:5, lever by lever.
absl::StatusOr<v1::LeverAxis> ParseAxis(const std::string& lever) {
  const auto [name, values] = *NameAndValue(lever);
  std::vector<std::string> texts;
  if (absl::StrContains(values, ':')) {
    CLI_ASSIGN_OR_RETURN(const std::vector<double> numbers, ParseGrid(values, name));
    for (const double number : numbers) texts.push_back(absl::StrFormat("%.12g", number));
  } else {
    texts = absl::StrSplit(values, ',');
  }
  v1::LeverAxis axis;
  for (const std::string& text : texts) {
    CLI_ASSIGN_OR_RETURN(const PowerChange change,
                         ParsePowerChange({absl::StrCat(name, "=", text)}, "", ""));
    *axis.add_values() = change.mode;
  }
  return axis;
}

}  // namespace

void FillSweepGrid(const v1::Session& session, const std::string& bias, SweepGrid& grid) {
  const bool axes = !grid.epsilon.empty() || absl::c_any_of(grid.levers, IsAxis);
  grid.one_mode = !axes;
  for (const v1::Lever& lever : session.levers()) {
    // Who names one value of a lever wants that one.
    if (IsNamed(lever.name(), grid)) continue;
    if (lever.name() == "bias" && grid.bias.empty()) grid.bias = bias;
    // One axis is enough: the first that the network is known by.
    if (!grid.one_mode) continue;
    if (lever.name() == "epsilon") {
      grid.epsilon = kEpsilons;
      grid.one_mode = false;
    }
    if (lever.name() == "steps" && lever.maximum() > 1) {
      std::vector<int64_t> steps;
      for (int64_t count = 1; count < lever.maximum(); count *= 2) steps.push_back(count);
      steps.push_back(static_cast<int64_t>(lever.maximum()));
      grid.levers.push_back(absl::StrCat("steps=", absl::StrJoin(steps, ",")));
      grid.one_mode = false;
    }
  }
}

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
  if (!grid.dataset.empty()) sweep.set_dataset(FullName("datasets", grid.dataset));
  CLI_ASSIGN_OR_RETURN(const v1::Split::Kind split, ParseSplit(grid.split));
  sweep.set_split(split);
  sweep.set_samples(grid.samples);
  if (!grid.epsilon.empty()) {
    CLI_ASSIGN_OR_RETURN(const std::vector<double> epsilons, ParseGrid(grid.epsilon, "--epsilon"));
    sweep.mutable_epsilon()->Add(epsilons.begin(), epsilons.end());
  }
  for (const absl::string_view bias : absl::StrSplit(grid.bias, ',', absl::SkipEmpty())) {
    CLI_ASSIGN_OR_RETURN(const v1::BiasPolicy::Kind kind, ParseBias(std::string(bias)));
    sweep.add_bias(kind);
  }
  std::vector<std::string> single;
  for (const std::string& lever : grid.levers) {
    if (!IsAxis(lever)) {
      single.push_back(lever);
      continue;
    }
    CLI_ASSIGN_OR_RETURN(*sweep.add_axes(), ParseAxis(lever));
  }
  CLI_ASSIGN_OR_RETURN(const PowerChange change, ParsePowerChange(single, "", ""));
  *sweep.mutable_base() = change.mode;
  // A grid of one place: what the base says.
  if (grid.one_mode) *sweep.add_axes()->add_values() = change.mode;
  for (const absl::string_view layer :
       absl::StrSplit(grid.epsilon_layers, ',', absl::SkipEmpty())) {
    sweep.add_epsilon_layers(std::string(layer));
  }
  CLI_ASSIGN_OR_RETURN(*sweep.mutable_noise(), ParseNoise(grid.noise, grid.noise_seeds));
  return sweep;
}

absl::StatusOr<v1::PowerSweepSpec> LaySweepGridOver(v1::PowerSweepSpec recipe,
                                                    const SweepGrid& grid) {
  CLI_ASSIGN_OR_RETURN(const v1::PowerSweepSpec own, ParseSweepGrid(grid));
  if (!grid.dataset.empty()) recipe.set_dataset(own.dataset());
  if (recipe.dataset().empty()) {
    return UsageError("a dataset is missing", "--dataset", "torpor dataset list");
  }
  recipe.set_dataset(FullName("datasets", recipe.dataset()));
  if (!grid.split.empty()) recipe.set_split(own.split());
  if (grid.samples != 0) recipe.set_samples(grid.samples);
  if (!grid.epsilon.empty() || !grid.bias.empty() || !own.axes().empty()) {
    recipe.clear_modes();
    *recipe.mutable_epsilon() = own.epsilon();
    *recipe.mutable_bias() = own.bias();
    *recipe.mutable_axes() = own.axes();
  }
  recipe.mutable_base()->MergeFrom(own.base());
  if (!own.epsilon_layers().empty()) *recipe.mutable_epsilon_layers() = own.epsilon_layers();
  if (!grid.noise.empty()) *recipe.mutable_noise() = own.noise();
  if (grid.noise_seeds != 0) recipe.mutable_noise()->set_seeds(grid.noise_seeds);
  return recipe;
}

}  // namespace torpor::cli
