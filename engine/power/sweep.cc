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

// Whether the specification asks for a grid beside its modes.
bool HasGrid(const v1::PowerSweepSpec& spec) {
  return !spec.epsilon().empty() || !spec.axes().empty();
}

double GridSize(const v1::PowerSweepSpec& spec) {
  double size = std::max(1, spec.epsilon_size());
  size *= std::max(1, spec.bias_size());
  for (const v1::LeverAxis& axis : spec.axes()) size *= axis.values_size();
  return size;
}

// Every mode of `modes` with each value of an axis over it, the modes outermost.
template <class Values, class Lay>
std::vector<v1::PowerMode> Cross(const std::vector<v1::PowerMode>& modes, const Values& values,
                                 Lay lay) {
  std::vector<v1::PowerMode> crossed;
  for (const v1::PowerMode& mode : modes) {
    for (const auto& value : values) {
      crossed.push_back(mode);
      lay(value, crossed.back());
    }
  }
  return crossed;
}

// Whether deploying failed for a reason of this one mode, so that the sweep goes on.
bool OfTheMode(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
         absl::IsUnimplemented(status);
}

v1::PowerSweepRow ErrorRow(const v1::PowerMode& mode, const absl::Status& status) {
  v1::PowerSweepRow row;
  if (mode.has_epsilon()) row.set_epsilon(mode.epsilon());
  if (mode.has_bias()) row.set_bias(mode.bias());
  *row.mutable_power_mode() = mode;
  *row.mutable_error() = ToProto(status);
  return row;
}

}  // namespace

void CheckGrid(const v1::PowerSweepSpec& spec, const std::string& path, Violations& violations) {
  if (spec.epsilon().empty()) {
    if (!spec.epsilon_layers().empty()) {
      violations.Add(path + "epsilon", "must have values for the layers of epsilon_layers");
    } else if (!HasGrid(spec) && spec.modes().empty()) {
      violations.Add(path + "epsilon", "must have values, or axes or modes must be given");
    }
  }
  for (int i = 0; i < spec.epsilon_size() && i < kMaximumModes; ++i) {
    if (!(spec.epsilon(i) > 0 && spec.epsilon(i) <= 1)) {  // so written that NaN is refused
      violations.Add(absl::StrCat(path, "epsilon[", i, "]"),
                     absl::StrCat("must be in (0, 1], got ", spec.epsilon(i)));
    }
  }
  // In floating point, so that no product of sizes overflows.
  double modes = spec.modes_size();
  if (HasGrid(spec)) modes += GridSize(spec);
  for (int i = 0; i < spec.axes_size(); ++i) {
    if (spec.axes(i).values().empty()) {
      violations.Add(absl::StrCat(path, "axes[", i, "].values"), "must not be empty");
    }
  }
  if (modes > kMaximumModes) {
    violations.Add(spec.modes_size() > kMaximumModes ? path + "modes" : path + "epsilon",
                   absl::StrCat("a sweep has at most ", kMaximumModes, " modes, this one ", modes));
  }
}

absl::Status CheckSweep(const Model& model, const v1::PowerSweepSpec& spec) {
  Violations violations;
  CheckGrid(spec, "", violations);
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
  std::vector<v1::PowerMode> modes;
  if (HasGrid(spec)) {
    modes.push_back(spec.base());
    if (!spec.epsilon().empty()) {
      modes = Cross(modes, spec.epsilon(), [&](double epsilon, v1::PowerMode& mode) {
        if (spec.epsilon_layers().empty()) mode.set_epsilon(epsilon);
        for (const std::string& layer : spec.epsilon_layers()) {
          (*mode.mutable_layer_epsilon())[layer] = epsilon;
        }
      });
    }
    if (!spec.bias().empty()) {
      modes = Cross(modes, spec.bias(), [](int policy, v1::PowerMode& mode) {
        mode.set_bias(static_cast<v1::BiasPolicy::Kind>(policy));
      });
    }
    for (const v1::LeverAxis& axis : spec.axes()) {
      modes = Cross(modes, axis.values(),
                    [](const v1::PowerMode& value, v1::PowerMode& mode) { mode.MergeFrom(value); });
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
  const NoisePlan noise = PlanFor(spec.noise(), model);
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
                        pool, cancellation, after_pass,
                        spec.has_energy_profile() ? &spec.energy_profile() : nullptr));

  // Modes of the grid that share an epsilon.
  const int grid = static_cast<int>(modes.size()) - spec.modes_size();
  const int alike = spec.epsilon().empty() ? 0 : grid / spec.epsilon_size();
  for (size_t m = 0; m < modes.size(); ++m) {
    passes = 1;
    absl::StatusOr<v1::PowerSweepRow> row = bench.Measure(modes[m], noise);
    if (!row.ok() && !OfTheMode(row.status())) return row.status();
    rows.push_back(row.ok() ? *std::move(row) : ErrorRow(modes[m], row.status()));
    const int index = static_cast<int>(m);
    if (alike > 0 && index < grid) rows.back().set_epsilon(spec.epsilon(index / alike));
    if (progress.on_row) {
      progress.on_row(index + 1, static_cast<int>(modes.size()), rows.back());
    }
  }
  return rows;
}

}  // namespace torpor
