// Training, tuning and power sweeps of a recipe's networks (study.h).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/errors.h"
#include "client/cli/report_plots.h"
#include "client/cli/reproduce/row_metrics.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"

namespace torpor::cli::reproduce {
namespace {

// A small dataset cannot spare as much as the recipe holds out.
v1::TrainSpec FittedTraining(v1::TrainSpec train, const v1::Dataset& dataset, uint64_t seed) {
  train.set_dataset(dataset.name());
  train.set_seed(seed);
  int64_t samples = dataset.train_samples();
  if (train.train_samples() >= samples) train.set_train_samples(0);
  if (train.train_samples() > 0) samples = train.train_samples();
  train.set_validation_samples(std::min<int64_t>(train.validation_samples(), samples / 4));
  return train;
}

void AddRow(Study& study, const Trained& trained, const v1::PowerSweepRow& row,
            const std::string& policy) {
  const std::string epsilon = ShortNumber(row.epsilon());
  Place place;
  place.base_id =
      JoinId({trained.plan.prefix(), absl::StrCat("eps=", epsilon), absl::StrCat("bias=", policy)});
  place.dataset = trained.dataset;
  place.what = absl::StrCat(GroupOf(trained), ", at epsilon ", epsilon, ", bias ", policy);
  place.group = GroupOf(trained);
  place.line = epsilon;
  place.column = policy;
  place.x = row.epsilon();
  AddSweepRow(place, {&row}, study.rows);
}

absl::Status Sweep(Study& study, const Trained& trained, const Stage& stage,
                   const recipe::Grid& grid, const std::vector<v1::BiasPolicy::Kind>& policies,
                   const std::string& name) {
  v1::JobSpec spec;
  v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
  sweep = NewSweep(trained, v1::Split::TEST, grid.samples());
  *sweep.mutable_epsilon() = grid.epsilon();
  for (const v1::BiasPolicy::Kind policy : policies) sweep.add_bias(policy);
  if (grid.has_base()) *sweep.mutable_base() = grid.base();
  CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(stage, spec));
  for (const v1::PowerSweepRow& row : job.rows()) {
    AddRow(study, trained, row, name.empty() ? PolicyLabel(row.bias(), grid.suffix()) : name);
  }
  return absl::OkStatus();
}

absl::Status RunGrid(Study& study, const Trained& trained, const recipe::Grid& grid) {
  if (!grid.bias().empty()) {
    std::vector<v1::BiasPolicy::Kind> policies;
    for (const int policy : grid.bias()) {
      policies.push_back(static_cast<v1::BiasPolicy::Kind>(policy));
    }
    CLI_RETURN_IF_ERROR(Sweep(study, trained, trained.stage, grid, policies, ""));
  }
  for (const recipe::Tuning& tuning : grid.tunings()) {
    CLI_ASSIGN_OR_RETURN(const Stage tuned, Tune(study, trained, tuning, grid.epsilon()));
    CLI_RETURN_IF_ERROR(Sweep(study, trained, tuned, grid, {v1::BiasPolicy::TUNED}, tuning.name()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Trained> Train(Study& study, const recipe::NetworkPlan& plan,
                              const v1::Dataset& dataset, uint64_t seed) {
  const v1::Network* network = &plan.network();
  const v1::TrainSpec* train = &plan.train();
  for (const recipe::TunedFor& tuned : plan.tuned_for()) {
    if (tuned.dataset() != ShortName(dataset.name())) continue;
    network = &tuned.network();
    train = &tuned.train();
  }
  v1::JobSpec spec;
  *spec.mutable_train() = FittedTraining(*train, dataset, seed);
  Stage stage = study.runner.Fresh(plan.id(), Fitted(*network, dataset), dataset, seed);
  CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(stage, spec));
  stage = JobRunner::After(stage, spec, job);
  for (const v1::TrainSpec& more : plan.further()) {
    v1::JobSpec further;
    *further.mutable_train() = FittedTraining(more, dataset, seed);
    further.mutable_train()->set_from_session(true);
    CLI_ASSIGN_OR_RETURN(const v1::Job done, study.runner.Run(stage, further));
    stage = JobRunner::After(stage, further, done);
  }
  return Trained{plan,
                 ShortName(dataset.name()),
                 seed,
                 std::move(stage),
                 spec.train(),
                 job.training_energy(),
                 {job.metrics().begin(), job.metrics().end()}};
}

absl::Status AddMetrics(Study& study, const Trained& trained) {
  for (const std::string& name : trained.plan.metrics()) {
    const auto value = trained.metrics.find(name);
    if (value == trained.metrics.end()) {
      return WorkFailed(
          absl::StrCat("the training of ", trained.plan.id(), " has no metric ", name));
    }
    Place place;
    place.base_id = JoinId({trained.plan.prefix(), absl::StrCat("metric=", name)});
    place.dataset = trained.dataset;
    place.what = absl::StrCat(name, " of ", trained.plan.title());
    place.group = absl::StrCat("training, ", trained.dataset);
    place.line = trained.plan.title();
    place.column = name;
    place.metric = name;
    place.unit = Unit::kNumber;
    study.rows.Add(std::move(place), {.value = value->second});
  }
  return absl::OkStatus();
}

// All that the network's plan asks for.
absl::Status Measure(Study& study, const Trained& trained) {
  CLI_RETURN_IF_ERROR(AddMetrics(study, trained));
  if (!trained.plan.memory_schemes().empty()) {
    CLI_RETURN_IF_ERROR(RunNetworkMemory(study, trained));
  }
  for (const recipe::Grid& grid : trained.plan.grids()) {
    CLI_RETURN_IF_ERROR(RunGrid(study, trained, grid));
  }
  for (const recipe::LeverGrid& grid : trained.plan.lever_grids()) {
    const Measured measured = {trained.stage, trained.plan.prefix(), trained.plan.title(),
                               trained.dataset};
    CLI_RETURN_IF_ERROR(RunLeverGrid(study, measured, grid));
  }
  for (const recipe::Saving& saving : trained.plan.savings()) {
    CLI_RETURN_IF_ERROR(RunSaving(study, trained, saving));
  }
  if (trained.plan.has_equal_power()) CLI_RETURN_IF_ERROR(RunEqualPower(study, trained));
  if (trained.plan.weights()) CLI_RETURN_IF_ERROR(RunWeights(study, trained));
  if (trained.plan.raster() && trained.seed == 1) CLI_RETURN_IF_ERROR(RunRaster(study, trained));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunNetworks(Study& study) {
  for (const std::string& name : study.recipe.datasets()) {
    if (study.recipe.networks().empty()) break;
    CLI_ASSIGN_OR_RETURN(const v1::Dataset dataset, study.runner.UseDataset(name));
    for (int seed = 1; seed <= study.recipe.seeds(); ++seed) {
      std::vector<Trained> all;
      for (const recipe::NetworkPlan& plan : study.recipe.networks()) {
        CLI_ASSIGN_OR_RETURN(
            Trained trained,
            Train(study, plan, dataset, static_cast<uint64_t>(seed + plan.seed_offset())));
        CLI_RETURN_IF_ERROR(Measure(study, trained));
        all.push_back(std::move(trained));
      }
      for (const recipe::EnsemblePlan& plan : study.recipe.ensembles()) {
        CLI_RETURN_IF_ERROR(RunEnsemble(study, all, plan));
      }
      for (const recipe::EnergyPlan& plan : study.recipe.energies()) {
        CLI_RETURN_IF_ERROR(RunEnergies(study, all, plan));
      }
    }
  }
  return absl::OkStatus();
}

v1::Network Fitted(v1::Network network, const v1::Dataset& dataset) {
  if (network.has_stdp()) {
    v1::StdpNetwork& competing = *network.mutable_stdp();
    if (competing.input().shape().empty()) {
      *competing.mutable_input()->mutable_shape() = dataset.sample_shape();
    }
    if (competing.classes() == 0) competing.set_classes(dataset.classes());
    return network;
  }
  if (network.has_truenorth()) {
    v1::TrueNorthNetwork& grid = *network.mutable_truenorth();
    if (grid.input().shape().empty()) {
      *grid.mutable_input()->mutable_shape() = dataset.sample_shape();
    }
    if (grid.classes() == 0) grid.set_classes(dataset.classes());
    return network;
  }
  if (network.has_lif()) {
    v1::LifNetwork& lif = *network.mutable_lif();
    if (lif.input().shape().empty()) {
      *lif.mutable_input()->mutable_shape() = dataset.sample_shape();
    }
    v1::LifLayer& output = *lif.mutable_layers(lif.layers_size() - 1);
    if (output.dense().units() == 0) output.mutable_dense()->set_units(dataset.classes());
    return network;
  }
  v1::RateNetwork& rate = *network.mutable_rate();
  if (rate.input().shape().empty()) {
    *rate.mutable_input()->mutable_shape() = dataset.sample_shape();
  }
  v1::RateLayer& last = *rate.mutable_layers(rate.layers_size() - 1);
  if (last.dense().units() == 0) last.mutable_dense()->set_units(dataset.classes());
  return network;
}

absl::StatusOr<Stage> Tune(Study& study, const Trained& trained, const recipe::Tuning& tuning,
                           const google::protobuf::RepeatedField<double>& epsilons) {
  v1::JobSpec spec;
  v1::TuneSpec& tune = *spec.mutable_tune();
  tune = tuning.tune();
  tune.set_dataset(trained.train.dataset());
  *tune.mutable_epsilon() = epsilons;
  tune.set_seed(trained.seed);
  // Held-out samples choose settings; biases that had seen them could not.
  const int64_t held_out = trained.train.validation_samples();
  CLI_ASSIGN_OR_RETURN(const v1::Dataset dataset, study.runner.UseDataset(trained.dataset));
  const int64_t all =
      trained.train.train_samples() > 0 ? trained.train.train_samples() : dataset.train_samples();
  if (held_out > 0 && (tune.samples() == 0 || tune.samples() > all - held_out)) {
    tune.set_samples(all - held_out);
  }
  if (tune.samples() >= dataset.train_samples()) tune.set_samples(0);
  tune.set_no_deploy(true);
  CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(trained.stage, spec));
  return JobRunner::After(trained.stage, spec, job);
}

std::string JoinId(const std::vector<std::string>& parts) {
  std::string id;
  for (const std::string& part : parts) {
    if (!part.empty()) absl::StrAppend(&id, id.empty() ? "" : ",", part);
  }
  return id;
}

std::string PolicyLabel(v1::BiasPolicy::Kind bias, const std::string& suffix) {
  return absl::StrCat(PolicyName(bias), suffix);
}

std::string GroupOf(const Trained& trained) {
  return absl::StrCat(trained.plan.title(), ", ", trained.dataset);
}

v1::PowerSweepSpec NewSweep(const Trained& trained, v1::Split::Kind split, int64_t samples) {
  v1::PowerSweepSpec sweep;
  sweep.set_dataset(trained.train.dataset());
  sweep.set_split(split);
  sweep.set_samples(samples);
  sweep.mutable_realisation();
  sweep.mutable_noise()->set_without(true);
  return sweep;
}

}  // namespace torpor::cli::reproduce
