#include "engine/power/sweep.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "engine/power/mode_bench.h"

namespace torpor {
namespace {

constexpr int kMaximumModes = 1000;

// Whether deploying failed for a reason of this one mode, so that the sweep goes on.
bool OfTheMode(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
         absl::IsUnimplemented(status);
}

v1::PowerSweepRow ErrorRow(const v1::PowerMode& mode, const absl::Status& status) {
  v1::PowerSweepRow row;
  row.set_epsilon(mode.has_epsilon() ? mode.epsilon() : 1);
  row.set_bias(mode.has_bias() ? mode.bias() : v1::BiasPolicy::NONE);
  *row.mutable_power_mode() = mode;
  *row.mutable_error() = ToProto(status);
  return row;
}

}  // namespace

absl::Status CheckSweep(const Model& model, const v1::PowerSweepSpec& spec) {
  Violations violations;
  if (spec.epsilon_size() > kMaximumModes ||
      (spec.epsilon().empty() && (spec.modes().empty() || !spec.epsilon_layers().empty()))) {
    violations.Add("epsilon", absl::StrCat("must have 1..", kMaximumModes, " values, got ",
                                           spec.epsilon_size()));
  }
  if (spec.modes_size() > kMaximumModes) {
    violations.Add("modes",
                   absl::StrCat("must have at most ", kMaximumModes, ", got ", spec.modes_size()));
  }
  std::vector<std::string> with_weights;
  std::vector<std::string> without;
  const v1::NetworkDescription description = model.Describe();
  for (const v1::LayerDescription& layer : description.layers()) {
    (layer.synapses() > 0 ? with_weights : without).push_back(layer.name());
  }
  auto holds = [](const auto& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (int i = 0; i < spec.epsilon_layers_size(); ++i) {
    const std::string& layer = spec.epsilon_layers(i);
    const std::string path = absl::StrCat("epsilon_layers[", i, "]");
    if (holds(without, layer)) {
      violations.Add(path, absl::StrCat(layer, " has no weights to scale; layers with weights are ",
                                        absl::StrJoin(with_weights, ", ")));
    } else if (!holds(with_weights, layer)) {
      violations.Add(path, absl::StrCat("no such layer; layers with weights are ",
                                        absl::StrJoin(with_weights, ", "), "; got ", layer));
    }
  }
  return violations.ToStatus();
}

std::vector<v1::PowerMode> ModesOf(const v1::PowerSweepSpec& spec) {
  std::vector<v1::BiasPolicy::Kind> policies;
  for (int policy : spec.bias()) policies.push_back(static_cast<v1::BiasPolicy::Kind>(policy));
  if (policies.empty()) {
    policies.push_back(spec.base().has_bias() ? spec.base().bias() : v1::BiasPolicy::NONE);
  }
  std::vector<v1::PowerMode> modes;
  for (const double epsilon : spec.epsilon()) {
    for (const v1::BiasPolicy::Kind policy : policies) {
      v1::PowerMode mode = spec.base();
      mode.set_bias(policy);
      if (spec.epsilon_layers().empty()) mode.set_epsilon(epsilon);
      for (const std::string& layer : spec.epsilon_layers()) {
        (*mode.mutable_layer_epsilon())[layer] = epsilon;
      }
      modes.push_back(std::move(mode));
    }
  }
  modes.insert(modes.end(), spec.modes().begin(), spec.modes().end());
  return modes;
}

absl::StatusOr<std::vector<v1::PowerSweepRow>> SweepPower(const Model& model,
                                                          const v1::PowerSweepSpec& spec,
                                                          const v1::Realisation& realisation,
                                                          const Dataset& data, ThreadPool* pool,
                                                          const Cancellation& cancellation,
                                                          const PowerProgress& progress) {
  TORPOR_RETURN_IF_ERROR(CheckSweep(model, spec));
  const std::vector<v1::PowerMode> modes = ModesOf(spec);
  const NoisePlan noise = PlanOf(spec.noise());
  const double passes_a_row = 1 + (HasNoiseUnit(model) ? noise.passes() : 0);
  const double all_passes = 1 + passes_a_row * static_cast<double>(modes.size());
  std::vector<v1::PowerSweepRow> rows;
  // Passes of full power and of the row that is being measured.
  double passes = 0;
  const auto after_pass = [&] {
    ++passes;
    if (!progress.on_fraction) return;
    progress.on_fraction((passes + passes_a_row * static_cast<double>(rows.size())) / all_passes);
  };
  TORPOR_ASSIGN_OR_RETURN(
      const ModeBench bench,
      ModeBench::Create(model, spec.has_realisation() ? spec.realisation() : realisation, data,
                        pool, cancellation, after_pass));

  const int policies = std::max(1, spec.bias_size());
  const int grid = spec.epsilon_size() * policies;
  for (size_t m = 0; m < modes.size(); ++m) {
    passes = 1;
    absl::StatusOr<v1::PowerSweepRow> row = bench.Measure(modes[m], noise);
    if (!row.ok() && !OfTheMode(row.status())) return row.status();
    rows.push_back(row.ok() ? *std::move(row) : ErrorRow(modes[m], row.status()));
    const int index = static_cast<int>(m);
    if (index < grid) rows.back().set_epsilon(spec.epsilon(index / policies));
    if (progress.on_row) {
      progress.on_row(index + 1, static_cast<int>(modes.size()), rows.back());
    }
  }
  return rows;
}

}  // namespace torpor
