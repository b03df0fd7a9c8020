// Selections among models by accuracy, memory and energy (study.h).
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/row_metrics.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "client/cli/select_plots.h"
#include "client/cli/select_rows.h"

namespace torpor::cli::reproduce {
namespace {

// "n400 8-bit qW nearest PTQ" as part of an id: "n400-8-bit-qw-nearest-ptq".
std::string ArmId(const v1::SelectArm& arm) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(ArmText(arm)), {{" ", "-"}, {",", ""}});
}

Place PlaceOf(const recipe::SelectionPlan& plan, const std::string& dataset,
              const std::string& line, const std::string& id) {
  Place place;
  place.base_id = JoinId({plan.prefix(), id});
  place.dataset = dataset;
  place.group = absl::StrCat(plan.title(), ", ", dataset);
  place.line = line;
  place.metric = "accuracy, memory and energy of models";
  return place;
}

void AddFigure(Study& study, Place place, const std::string& metric, Unit unit,
               const Value& value) {
  if (metric != "accuracy") absl::StrAppend(&place.base_id, ",metric=", metric);
  place.what = absl::StrCat(metric, " of ", place.line);
  place.column = metric;
  place.unit = unit;
  study.rows.Add(std::move(place), value);
}

void AddArm(Study& study, const Place& place, const v1::SelectArm& arm) {
  AddFigure(study, place, "accuracy", Unit::kFraction,
            OfInterval(arm.accuracy(), arm.accuracy_low(), arm.accuracy_high()));
  AddFigure(study, place, "memory", Unit::kBytes, {.value = arm.memory_bytes()});
  if (arm.has_joules()) {
    AddFigure(study, place, "joules", Unit::kJoule, {.value = arm.joules()});
  }
}

void AddDrawings(Study& study, const v1::Job& job, const std::string& dataset) {
  for (const auto& plots : {RewardByMu(job), AccuracyByMemory(job)}) {
    for (const SelectPlot& each : plots) {
      Drawing drawing{each.plot, each.caption};
      absl::StrAppend(&drawing.plot.name, "-", dataset);
      study.drawings.push_back(std::move(drawing));
    }
  }
}

absl::Status RunSelection(Study& study, const recipe::SelectionPlan& plan,
                          const v1::Dataset& dataset) {
  v1::JobSpec spec;
  v1::SelectSpec& select = *spec.mutable_select();
  select = plan.select();
  select.set_dataset(dataset.name());
  for (int seed = 1; seed <= study.recipe.seeds(); ++seed) {
    select.add_seeds(static_cast<uint64_t>(seed));
  }
  for (v1::SelectSpec::Candidate& candidate : *select.mutable_candidates()) {
    *candidate.mutable_network() = Fitted(candidate.network(), dataset);
  }
  const Stage stage = study.runner.Fresh(plan.id(), select.candidates(0).network(), dataset, 1);
  CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(stage, spec));
  const std::string name = ShortName(dataset.name());
  for (const v1::SelectArm& arm : job.arms()) {
    Place place = PlaceOf(plan, name, ArmText(arm), absl::StrCat("model=", ArmId(arm)));
    if (arm.has_error()) {
      place.column = "accuracy";
      study.rows.AddError(place, arm.error().message());
    } else {
      AddArm(study, place, arm);
    }
  }
  for (const double mu : plan.mu()) {
    const v1::SelectArm* best = BestAt(job, mu);
    if (best == nullptr) continue;
    AddArm(study,
           PlaceOf(plan, name, absl::StrCat("winner at mu ", ShortNumber(mu), ": ", ArmText(*best)),
                   absl::StrCat("mu=", ShortNumber(mu))),
           *best);
  }
  AddDrawings(study, job, name);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunSelections(Study& study) {
  for (const recipe::SelectionPlan& plan : study.recipe.selections()) {
    for (const std::string& name : study.recipe.datasets()) {
      CLI_ASSIGN_OR_RETURN(const v1::Dataset dataset, study.runner.UseDataset(name));
      CLI_RETURN_IF_ERROR(RunSelection(study, plan, dataset));
    }
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
