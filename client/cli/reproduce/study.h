// One run of a recipe: the jobs it starts, the rows and drawings that come of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/context.h"
#include "client/cli/plot.h"
#include "client/cli/reproduce/job_runner.h"
#include "client/cli/reproduce/recipe.pb.h"
#include "client/cli/reproduce/rows.h"

namespace torpor::cli::reproduce {

// A plot and what stands under it.
struct Drawing {
  Plot plot;
  std::string caption;
};

// Not thread-safe.
struct Study {
  Context& context;
  const recipe::Recipe& recipe;
  JobRunner& runner;
  RowCollector rows;
  // Curves that are not rows, e.g. a neuron's response against the angle.
  std::vector<Drawing> drawings;
};

// A trained network of the recipe.
struct Trained {
  const recipe::NetworkPlan& plan;
  // Short name.
  std::string dataset;
  uint64_t seed = 0;
  Stage stage;
  // The training as it was asked for, and what a sample of it cost.
  v1::TrainSpec train;
  v1::EnergyReport training_energy;
  // Of the training.
  std::map<std::string, double> metrics;
};

// Trains every network for every dataset and seed and measures what its plan asks for.
absl::Status RunNetworks(Study& study);
// The parts of a plan, each in the file of its name (grids in networks.cc).
absl::Status RunSaving(Study& study, const Trained& trained, const recipe::Saving& saving);
absl::Status RunEqualPower(Study& study, const Trained& trained);

// What a grid of levers is measured on: a trained network or an ensemble of some.
struct Measured {
  Stage stage;
  // Of its rows.
  std::string prefix, title;
  // Short name.
  std::string dataset;
};
absl::Status RunLeverGrid(Study& study, const Measured& measured, const recipe::LeverGrid& grid);
// Joins those of `trained` (of one dataset and seed) that the plan names and measures them.
absl::Status RunEnsemble(Study& study, const std::vector<Trained>& trained,
                         const recipe::EnsemblePlan& plan);
// Prices what those of `trained` (of one dataset and seed) that the plan names did.
absl::Status RunEnergies(Study& study, const std::vector<Trained>& trained,
                         const recipe::EnergyPlan& plan);
// Describes networks; no jobs.
absl::Status RunMemories(Study& study);
// Asks the server what arrays of weights cost; no jobs.
absl::Status RunOrganizations(Study& study);
// Asks the server what the network's weights cost in the plan's memory organisations; no job.
absl::Status RunNetworkMemory(Study& study, const Trained& trained);
// Rows and drawings that are made of rows, after all others.
void AddDerived(Study& study);
// Runs the recipe's selections on every dataset.
absl::Status RunSelections(Study& study);
// Rows and drawings of the network's weights and biases, one for each layer.
absl::Status RunWeights(Study& study, const Trained& trained);
// Draws the network's spikes above its target.
absl::Status RunRaster(Study& study, const Trained& trained);
// Figures 2 and 3: calls of AnalysisService, no jobs.
absl::Status RunNeurons(Study& study);

// Runs the tuning over these epsilons; the stage that has them.
absl::StatusOr<Stage> Tune(Study& study, const Trained& trained, const recipe::Tuning& tuning,
                           const google::protobuf::RepeatedField<double>& epsilons);

// The definition with the shape and classes of the data where the recipe leaves them open.
v1::Network Fitted(v1::Network network, const v1::Dataset& dataset);
// "loss=bce" and "noise=0.01" before "eps=0.1": non-empty parts by comma.
std::string JoinId(const std::vector<std::string>& parts);
// The policy's name and the grid's suffix.
std::string PolicyLabel(v1::BiasPolicy::Kind bias, const std::string& suffix);
// "784-10, squared error, mnist".
std::string GroupOf(const Trained& trained);
// The whole sweep on a realisation without noise of its own.
v1::PowerSweepSpec NewSweep(const Trained& trained, v1::Split::Kind split, int64_t samples);

}  // namespace torpor::cli::reproduce
