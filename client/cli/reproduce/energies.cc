// What a sample costs in training and in inference, priced by several devices (study.h).
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "torpor/v1/energy.grpc.pb.h"

namespace torpor::cli::reproduce {
namespace {

// Of one network: what happened in a sample, by phase.
using Activities = std::vector<std::pair<std::string, v1::ActivityReport>>;

// "train" and "infer", as far as the family counts them.
absl::StatusOr<Activities> ActivitiesOf(Study& study, const Trained& trained, int64_t samples) {
  Activities activities;
  if (trained.training_energy.has_activity()) {
    activities.emplace_back("train", trained.training_energy.activity());
  }
  v1::JobSpec spec;
  v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
  sweep = NewSweep(trained, v1::Split::TEST, samples);
  sweep.add_modes();
  CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(trained.stage, spec));
  if (job.rows_size() > 0 && job.rows(0).has_error()) {
    return WorkFailed(job.rows(0).error().message(), job.name());
  }
  if (job.rows_size() > 0 && job.rows(0).has_energy()) {
    activities.emplace_back("infer", job.rows(0).energy().activity());
  }
  return activities;
}

absl::StatusOr<v1::EnergyReport> PriceOf(Study& study, const v1::ActivityReport& activity,
                                         const std::string& profile) {
  v1::PriceActivityRequest request;
  *request.mutable_activity() = activity;
  request.set_profile_name(profile);
  return Call<v1::EnergyService>(study.context, &v1::EnergyService::Stub::PriceActivity, request);
}

Place PlaceOf(const Trained& trained, const std::string& phase, const std::string& profile) {
  Place place;
  place.base_id = JoinId(
      {trained.plan.prefix(), absl::StrCat("phase=", phase), absl::StrCat("profile=", profile)});
  place.dataset = trained.dataset;
  place.what = absl::StrCat("energy of a sample of ", trained.plan.title(),
                            phase == "train" ? " in training" : " in inference", ", ", profile);
  place.group = absl::StrCat(trained.dataset, ", ", profile);
  place.metric = "energy";
  place.unit = Unit::kJoule;
  place.line = trained.plan.title();
  place.column = phase;
  return place;
}

}  // namespace

absl::Status RunEnergies(Study& study, const std::vector<Trained>& trained,
                         const recipe::EnergyPlan& plan) {
  // By network, phase and profile.
  std::map<std::string, double> joules;
  const auto key = [](const std::string& network, const Place& place) {
    return absl::StrCat(network, "/", place.column, "/", place.group);
  };
  std::vector<std::pair<std::string, Place>> places;
  for (const Trained& each : trained) {
    if (std::find(plan.networks().begin(), plan.networks().end(), each.plan.id()) ==
        plan.networks().end()) {
      continue;
    }
    CLI_ASSIGN_OR_RETURN(const Activities activities, ActivitiesOf(study, each, plan.samples()));
    for (const auto& [phase, activity] : activities) {
      for (const std::string& profile : plan.profiles()) {
        CLI_ASSIGN_OR_RETURN(const v1::EnergyReport report, PriceOf(study, activity, profile));
        Place place = PlaceOf(each, phase, profile);
        if (!report.has_joules()) {
          study.rows.AddError(place, "a count or a coefficient is not known");
          continue;
        }
        study.rows.Add(place, {.value = report.joules()});
        joules[key(each.plan.id(), place)] = report.joules();
        places.emplace_back(each.plan.id(), std::move(place));
      }
    }
  }
  for (auto& [network, place] : places) {
    const auto against = joules.find(key(plan.against(), place));
    if (against == joules.end() || network == plan.against()) continue;
    const double own = joules.at(key(network, place));
    absl::StrAppend(&place.base_id, ",metric=saving");
    place.metric = "saving";
    place.unit = Unit::kNumber;
    place.what = absl::StrCat("how many times as much ", plan.against(), " costs: ", place.what);
    study.rows.Add(std::move(place), {.value = against->second / own});
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
