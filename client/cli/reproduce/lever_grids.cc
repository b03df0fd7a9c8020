// Sweeps over levers of any family, of networks and of ensembles (study.h).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/errors.h"
#include "client/cli/mode_levers.h"
#include "client/cli/reproduce/row_metrics.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace torpor::cli::reproduce {
namespace {

// The levers of the axes, in order; those of the first axis go along with each other.
struct AxisLevers {
  std::vector<std::string> all;
  size_t of_first_axis = 0;
};

AxisLevers LeversOf(const recipe::LeverGrid& grid) {
  AxisLevers levers;
  for (const v1::LeverAxis& axis : grid.axes()) {
    for (const v1::PowerMode& value : axis.values()) {
      std::vector<const google::protobuf::FieldDescriptor*> set;
      v1::PowerMode::GetReflection()->ListFields(value, &set);
      for (const auto* field : set) {
        if (std::find(levers.all.begin(), levers.all.end(), field->name()) == levers.all.end()) {
          levers.all.push_back(field->name());
        }
      }
    }
    if (&axis == &grid.axes(0)) levers.of_first_axis = levers.all.size();
  }
  return levers;
}

// "ticks=16"; empty for a lever that the mode leaves alone.
std::string LeverPart(const v1::PowerSweepRow& row, const std::string& lever) {
  const std::string text = LeverText(row, lever);
  return text.empty() ? "" : absl::StrCat(lever == "steps" ? "ticks" : lever, "=", text);
}

Place PlaceOf(const Measured& measured, const recipe::LeverGrid& grid,
              const v1::PowerSweepRow& row) {
  const AxisLevers levers = LeversOf(grid);
  std::vector<std::string> parts, others = {measured.prefix, grid.prefix()};
  for (size_t i = 0; i < levers.all.size(); ++i) {
    parts.push_back(LeverPart(row, levers.all[i]));
    if (i >= levers.of_first_axis) others.push_back(parts.back());
  }
  std::vector<std::string> whole = {measured.prefix, grid.prefix()};
  whole.insert(whole.end(), parts.begin(), parts.end());
  Place place;
  place.base_id = JoinId(whole);
  place.dataset = measured.dataset;
  place.group = measured.dataset;
  place.line = parts.empty() ? "" : parts.front();
  place.column = JoinId(others);
  if (place.column.empty()) place.column = measured.title;
  place.what = absl::StrCat(measured.title, grid.prefix().empty() ? "" : ", ", grid.prefix());
  if (levers.all.empty()) return place;
  place.x = LeverNumber(row, levers.all.front());
  place.x_lever = levers.all.front();
  absl::StrAppend(&place.what, ", at ", absl::StrJoin(parts, ", "));
  return place;
}

}  // namespace

absl::Status RunLeverGrid(Study& study, const Measured& measured, const recipe::LeverGrid& grid) {
  CLI_ASSIGN_OR_RETURN(const v1::Dataset dataset, study.runner.UseDataset(measured.dataset));
  v1::JobSpec spec;
  v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
  sweep.set_dataset(dataset.name());
  sweep.set_split(v1::Split::TEST);
  sweep.set_samples(grid.samples());
  sweep.mutable_noise()->set_without(true);
  *sweep.mutable_base() = grid.base();
  *sweep.mutable_axes() = grid.axes();
  // Full power alone.
  if (grid.axes().empty()) sweep.add_modes();
  *sweep.mutable_realisation() = grid.realisation();
  if (grid.has_energy_profile()) *sweep.mutable_energy_profile() = grid.energy_profile();

  const int draws = std::max(1, grid.draws());
  std::vector<v1::Job> jobs;
  for (int draw = 1; draw <= draws; ++draw) {
    if (grid.draws() > 0) sweep.mutable_realisation()->set_seed(static_cast<uint64_t>(draw));
    CLI_ASSIGN_OR_RETURN(v1::Job job, study.runner.Run(measured.stage, spec));
    jobs.push_back(std::move(job));
  }
  for (int k = 0; k < jobs.front().rows_size(); ++k) {
    std::vector<const v1::PowerSweepRow*> same_mode;
    for (const v1::Job& job : jobs) same_mode.push_back(&job.rows(k));
    AddSweepRow(PlaceOf(measured, grid, *same_mode.front()), same_mode, study.rows);
  }
  return absl::OkStatus();
}

absl::Status RunEnsemble(Study& study, const std::vector<Trained>& trained,
                         const recipe::EnsemblePlan& plan) {
  std::vector<Stage> members;
  for (const std::string& id : plan.members()) {
    for (const Trained& member : trained) {
      if (member.plan.id() == id) members.push_back(member.stage);
    }
  }
  const Trained& first = trained.front();
  CLI_ASSIGN_OR_RETURN(const Stage stage,
                       study.runner.Join(plan.id(), first.dataset, first.seed, members));
  for (const recipe::LeverGrid& grid : plan.lever_grids()) {
    CLI_RETURN_IF_ERROR(
        RunLeverGrid(study, {stage, plan.prefix(), plan.title(), first.dataset}, grid));
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
