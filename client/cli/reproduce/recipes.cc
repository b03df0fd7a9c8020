#include "client/cli/reproduce/recipes.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/definition.h"
#include "client/cli/errors.h"
#include "client/cli/rpc.h"

namespace torpor::cli::reproduce {
namespace {

constexpr size_t kMaxNetworkId = 12;

bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= kMaxNetworkId && std::islower(id[0]) != 0 &&
         std::all_of(id.begin(), id.end(), [](unsigned char c) {
           return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
         });
}

bool Empty(const recipe::NetworkPlan& plan) {
  return plan.grids().empty() && plan.lever_grids().empty() && plan.savings().empty() &&
         !plan.has_equal_power() && !plan.weights() && plan.metrics().empty() &&
         plan.memory_schemes().empty();
}

// What is wrong with a grid of levers; "" if nothing.
std::string WrongInLeverGrid(const recipe::LeverGrid& grid) {
  for (const v1::LeverAxis& axis : grid.axes()) {
    if (axis.values().empty()) return "an axis of a grid of levers has no values";
  }
  if (grid.draws() < 0 || grid.draws() > 1000) {
    return absl::StrCat("lever_grids.draws must be in 0..1000, got ", grid.draws());
  }
  return "";
}

// What is wrong with a plan; "" if nothing.
std::string WrongInPlan(const recipe::NetworkPlan& plan) {
  if (!IsId(plan.id())) {
    return absl::StrCat("networks.id must be [a-z][a-z0-9-]*, at most ", kMaxNetworkId,
                        " characters, got `", plan.id(), "`");
  }
  const std::string at = absl::StrCat("network ", plan.id(), ": ");
  if (plan.seed_offset() < 0) return at + "seed_offset must not be negative";
  if (plan.network().rate().layers().empty() && plan.network().truenorth().layers().empty() &&
      plan.network().lif().layers().empty() && !plan.network().has_stdp()) {
    return at + "has no layers";
  }
  for (const recipe::Grid& grid : plan.grids()) {
    if (grid.epsilon().empty()) return at + "a grid has no epsilon";
    if (grid.bias().empty() && grid.tunings().empty()) return at + "a grid has no bias policy";
  }
  for (const recipe::LeverGrid& grid : plan.lever_grids()) {
    if (std::string wrong = WrongInLeverGrid(grid); !wrong.empty()) return at + wrong;
  }
  for (const recipe::Saving& saving : plan.savings()) {
    if (!(saving.ratio() > 0 && saving.ratio() < 1)) return at + "savings.ratio must be in (0, 1)";
    if (!(saving.floor() > 0 && saving.floor() < 1)) return at + "savings.floor must be in (0, 1)";
    if (!(saving.allowed_loss() > 0)) return at + "savings.allowed_loss must be above 0";
    if (plan.train().validation_samples() <= 0) {
      return at + "savings choose on held-out samples: train.validation_samples must be above 0";
    }
    if (saving.tuned_epsilon().empty() != saving.tunings().empty()) {
      return at + "savings need both tunings and tuned_epsilon, or neither";
    }
  }
  if (plan.has_equal_power() &&
      (plan.equal_power().nasp().empty() || plan.equal_power().schemes().empty())) {
    return at + "equal_power needs nasp and schemes";
  }
  return "";
}

std::string WrongInEnsemble(const recipe::Recipe& recipe, const recipe::EnsemblePlan& plan) {
  if (!IsId(plan.id())) {
    return absl::StrCat("ensembles.id must be [a-z][a-z0-9-]*, at most ", kMaxNetworkId,
                        " characters, got `", plan.id(), "`");
  }
  const std::string at = absl::StrCat("ensemble ", plan.id(), ": ");
  if (plan.members().empty()) return at + "has no members";
  for (const std::string& member : plan.members()) {
    const bool known = std::any_of(recipe.networks().begin(), recipe.networks().end(),
                                   [&](const auto& network) { return network.id() == member; });
    if (!known) return absl::StrCat(at, "no network has the id `", member, "`");
  }
  if (plan.lever_grids().empty()) return at + "nothing is measured on it (lever_grids)";
  for (const recipe::LeverGrid& grid : plan.lever_grids()) {
    if (std::string wrong = WrongInLeverGrid(grid); !wrong.empty()) return at + wrong;
  }
  return "";
}

std::string WrongInEnergies(const recipe::Recipe& recipe, const recipe::EnergyPlan& plan) {
  std::vector<std::string> ids(plan.networks().begin(), plan.networks().end());
  if (!plan.against().empty()) ids.push_back(plan.against());
  for (const std::string& id : ids) {
    const bool known = std::any_of(recipe.networks().begin(), recipe.networks().end(),
                                   [&](const auto& network) { return network.id() == id; });
    if (!known) return absl::StrCat("energies: no network has the id `", id, "`");
  }
  return plan.networks().empty() || plan.profiles().empty() ? "energies need networks and profiles"
                                                            : "";
}

std::string WrongInOrganization(const recipe::OrganizationPlan& plan) {
  const std::string at = absl::StrCat("organization `", plan.prefix(), "`: ");
  if (plan.arrays().empty() || plan.schemes().empty() || plan.points().empty()) {
    return at + "needs arrays, schemes and points";
  }
  for (const recipe::OrganizationPlan::Points& points : plan.points()) {
    if (points.bits().empty()) return at + "points have no bits";
  }
  return "";
}

std::string WrongInFrontier(const recipe::Recipe& recipe, const recipe::Frontier& frontier) {
  if (!IsId(frontier.id())) {
    return absl::StrCat("frontiers.id must be [a-z][a-z0-9-]*, at most ", kMaxNetworkId,
                        " characters, got `", frontier.id(), "`");
  }
  const bool priced = std::any_of(recipe.networks().begin(), recipe.networks().end(),
                                  [](const auto& plan) { return !plan.memory_schemes().empty(); });
  return priced ? "" : absl::StrCat("frontier ", frontier.id(), ": no network has memory_schemes");
}

std::string WrongInRecipe(const recipe::Recipe& recipe) {
  if (recipe.name().empty()) return "name is missing";
  if (recipe.networks().empty() && recipe.neuron_bias().empty() && recipe.neuron_tuning().empty() &&
      recipe.memories().empty() && recipe.selections().empty() && recipe.organizations().empty()) {
    return "measures nothing (networks, neuron_bias, neuron_tuning, memories, organizations or "
           "selections)";
  }
  for (const recipe::OrganizationPlan& plan : recipe.organizations()) {
    if (std::string wrong = WrongInOrganization(plan); !wrong.empty()) return wrong;
  }
  for (const recipe::Frontier& frontier : recipe.frontiers()) {
    if (std::string wrong = WrongInFrontier(recipe, frontier); !wrong.empty()) return wrong;
  }
  const bool trains = !recipe.networks().empty() || !recipe.selections().empty();
  if (trains && recipe.datasets().empty()) return "networks and selections need datasets";
  for (const recipe::SelectionPlan& plan : recipe.selections()) {
    if (plan.select().candidates().empty()) {
      return absl::StrCat("selection ", plan.id(), ": has no candidates");
    }
  }
  if (trains && (recipe.seeds() < 1 || recipe.seeds() > 1000)) {
    return absl::StrCat("seeds must be in 1..1000, got ", recipe.seeds());
  }
  std::set<std::pair<std::string, std::string>> prefixes;
  std::set<std::string> members, priced;
  const auto twice = [&](const std::string& prefix, const std::string& grids = "") {
    return prefixes.insert({prefix, grids}).second
               ? std::string()
               : absl::StrCat("two networks have the prefix `", prefix,
                              "`: their rows could not be told apart");
  };
  for (const recipe::EnsemblePlan& plan : recipe.ensembles()) {
    if (std::string wrong = WrongInEnsemble(recipe, plan); !wrong.empty()) return wrong;
    if (std::string wrong = twice(plan.prefix()); !wrong.empty()) return wrong;
    members.insert(plan.members().begin(), plan.members().end());
  }
  for (const std::string& id : recipe.quick().networks()) {
    const bool known = std::any_of(recipe.networks().begin(), recipe.networks().end(),
                                   [&](const auto& network) { return network.id() == id; });
    if (!known) return absl::StrCat("quick.networks: no network has the id `", id, "`");
  }
  for (const recipe::EnergyPlan& plan : recipe.energies()) {
    if (std::string wrong = WrongInEnergies(recipe, plan); !wrong.empty()) return wrong;
    priced.insert(plan.networks().begin(), plan.networks().end());
  }
  for (const recipe::NetworkPlan& plan : recipe.networks()) {
    if (std::string wrong = WrongInPlan(plan); !wrong.empty()) return wrong;
    if (Empty(plan)) {
      if (members.contains(plan.id()) || priced.contains(plan.id())) continue;
      return absl::StrCat(
          "network ", plan.id(),
          ": nothing is measured on it (grids, lever_grids, savings, equal_power, metrics, "
          "weights or memory_schemes), and no ensemble has it");
    }
    // Grids that set other levers have other rows.
    std::string grids;
    for (const recipe::LeverGrid& grid : plan.lever_grids()) grids += grid.SerializeAsString();
    if (std::string wrong = twice(plan.prefix(), grids); !wrong.empty()) return wrong;
  }
  for (const auto* list : {&recipe.paper(), &recipe.reference()}) {
    for (const recipe::Values& values : *list) {
      const bool one = values.at().empty() && values.value_size() == 1;
      if (!one && values.at_size() != values.value_size()) {
        return absl::StrCat("values of `", values.id(), "`: ", values.at_size(), " places and ",
                            values.value_size(), " values");
      }
    }
  }
  for (const recipe::Claim& claim : recipe.claims()) {
    for (const recipe::Check& check : claim.checks()) {
      if (check.row().empty()) return absl::StrCat("a check of `", claim.text(), "` has no row");
      if (!check.has_at_least() && !check.has_at_most()) {
        return absl::StrCat("the check of ", check.row(), " has no bound");
      }
    }
  }
  return "";
}

absl::StatusOr<recipe::Recipe> ReadRecipe(absl::StatusOr<Definition> definition,
                                          const std::string& where) {
  if (!definition.ok()) return definition.status();
  recipe::Recipe recipe;
  CLI_RETURN_IF_ERROR(definition->Read("", recipe));
  CLI_RETURN_IF_ERROR(CheckRecipe(recipe, where));
  return recipe;
}

// Leaves the named networks, and the ensembles whose members are all left.
void KeepNetworks(const recipe::Quick& quick, recipe::Recipe& recipe) {
  if (quick.networks().empty()) return;
  const std::set<std::string> kept(quick.networks().begin(), quick.networks().end());
  auto& networks = *recipe.mutable_networks();
  networks.erase(std::remove_if(networks.begin(), networks.end(),
                                [&](const auto& plan) { return !kept.contains(plan.id()); }),
                 networks.end());
  auto& ensembles = *recipe.mutable_ensembles();
  ensembles.erase(std::remove_if(ensembles.begin(), ensembles.end(),
                                 [&](const auto& plan) {
                                   return !std::all_of(
                                       plan.members().begin(), plan.members().end(),
                                       [&](const auto& id) { return kept.contains(id); });
                                 }),
                  ensembles.end());
}

void QuickGrid(const recipe::Quick& quick, recipe::Grid& grid) {
  std::vector<double> kept;
  for (const double epsilon : grid.epsilon()) {
    if (epsilon >= quick.least_epsilon()) kept.push_back(epsilon);
  }
  grid.mutable_epsilon()->Assign(kept.begin(), kept.end());
  if (quick.test_samples() > 0) grid.set_samples(quick.test_samples());
}

void QuickLeverGrid(const recipe::Quick& quick, recipe::LeverGrid& grid) {
  if (quick.test_samples() > 0) grid.set_samples(quick.test_samples());
  if (quick.draws() > 0) grid.set_draws(std::min(grid.draws(), quick.draws()));
}

// A shorter training, whose last epochs without changed images stay the same share of it.
void QuickEpochs(int epochs, v1::TrainSpec& train) {
  if (train.has_augmentation() && train.epochs() > 0) {
    v1::Augmentation& augmentation = *train.mutable_augmentation();
    const int plain = augmentation.plain_epochs();
    augmentation.set_plain_epochs(plain == 0 ? 0 : std::max(1, plain * epochs / train.epochs()));
  }
  train.set_warmup_epochs(std::min<double>(train.warmup_epochs(), epochs));
  train.set_epochs(epochs);
}

void QuickTuning(const recipe::Quick& quick, recipe::Tuning& tuning) {
  if (quick.tune_epochs() > 0 && tuning.tune().method() != v1::TuneSpec::Method::NEWTON) {
    tuning.mutable_tune()->set_epochs(quick.tune_epochs());
  }
  if (quick.tune_samples() > 0) tuning.mutable_tune()->set_samples(quick.tune_samples());
}

void QuickSaving(const recipe::Quick& quick, recipe::Saving& saving) {
  if (quick.ratio() > 0) saving.set_ratio(quick.ratio());
  saving.set_floor(std::max(saving.floor(), quick.least_epsilon()));
  if (quick.test_samples() > 0) saving.set_samples(quick.test_samples());
  if (quick.noise_seeds() > 0) saving.set_noise_seeds(quick.noise_seeds());
  for (recipe::Tuning& tuning : *saving.mutable_tunings()) QuickTuning(quick, tuning);
}

}  // namespace

absl::StatusOr<recipe::Recipe> LoadEmbedded(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, yaml] : EmbeddedRecipes()) {
    if (known == name) return ReadRecipe(Definition::Parse(yaml, known), known);
    names.push_back(known);
  }
  const std::string close = ClosestTo(name, names);
  return UsageError(
      absl::StrCat("no recipe `", name, "`"), absl::StrCat("recipes: ", absl::StrJoin(names, ", ")),
      close.empty() ? "torpor reproduce list" : absl::StrCat("torpor reproduce run ", close));
}

absl::StatusOr<recipe::Recipe> LoadRecipeFile(Context& context, const std::string& path) {
  return ReadRecipe(Definition::Load(context, path), path);
}

absl::Status CheckRecipe(const recipe::Recipe& recipe, const std::string& where) {
  const std::string wrong = WrongInRecipe(recipe);
  if (wrong.empty()) return absl::OkStatus();
  return UsageError(absl::StrCat("the recipe is wrong: ", wrong), where,
                    "a recipe of client/recipes as a pattern");
}

void ApplyQuick(recipe::Recipe& recipe) {
  const recipe::Quick& quick = recipe.quick();
  if (quick.seeds() > 0) recipe.set_seeds(quick.seeds());
  if (quick.one_dataset() && recipe.datasets_size() > 1) {
    recipe.mutable_datasets()->DeleteSubrange(1, recipe.datasets_size() - 1);
  }
  KeepNetworks(quick, recipe);
  for (recipe::SelectionPlan& plan : *recipe.mutable_selections()) {
    v1::SelectSpec& select = *plan.mutable_select();
    if (quick.validation_samples() > 0) select.set_validation_samples(quick.validation_samples());
    for (v1::SelectSpec::Candidate& candidate : *select.mutable_candidates()) {
      if (quick.train_samples() > 0) {
        candidate.mutable_train()->set_train_samples(quick.train_samples());
      }
    }
  }
  for (recipe::EnsemblePlan& plan : *recipe.mutable_ensembles()) {
    for (recipe::LeverGrid& grid : *plan.mutable_lever_grids()) QuickLeverGrid(quick, grid);
  }
  for (recipe::EnergyPlan& plan : *recipe.mutable_energies()) {
    if (quick.test_samples() > 0) plan.set_samples(quick.test_samples());
  }
  for (recipe::NetworkPlan& plan : *recipe.mutable_networks()) {
    v1::TrainSpec& train = *plan.mutable_train();
    if (quick.epochs() > 0) QuickEpochs(quick.epochs(), train);
    for (v1::TrainSpec& further : *plan.mutable_further()) {
      if (quick.further_epochs() > 0) QuickEpochs(quick.further_epochs(), further);
      if (quick.train_samples() > 0) further.set_train_samples(quick.train_samples());
    }
    for (recipe::LeverGrid& grid : *plan.mutable_lever_grids()) QuickLeverGrid(quick, grid);
    if (quick.train_samples() > 0) train.set_train_samples(quick.train_samples());
    for (recipe::TunedFor& tuned : *plan.mutable_tuned_for()) {
      if (quick.epochs() > 0) QuickEpochs(quick.epochs(), *tuned.mutable_train());
      if (quick.train_samples() > 0)
        tuned.mutable_train()->set_train_samples(quick.train_samples());
    }
    if (quick.validation_samples() > 0 && train.validation_samples() > 0) {
      train.set_validation_samples(quick.validation_samples());
    }
    for (recipe::Grid& grid : *plan.mutable_grids()) {
      QuickGrid(quick, grid);
      for (recipe::Tuning& tuning : *grid.mutable_tunings()) QuickTuning(quick, tuning);
    }
    for (recipe::Saving& saving : *plan.mutable_savings()) QuickSaving(quick, saving);
    if (plan.has_equal_power()) {
      recipe::EqualPower& equal = *plan.mutable_equal_power();
      if (quick.test_samples() > 0) equal.set_samples(quick.test_samples());
      if (quick.noise_seeds() > 0) equal.mutable_noise()->set_seeds(quick.noise_seeds());
    }
  }
}

void ApplyDataset(const std::string& dataset, recipe::Recipe& recipe) {
  if (dataset.empty()) return;
  recipe.clear_datasets();
  recipe.add_datasets(ShortName(dataset));
}

void ApplySeeds(int seeds, recipe::Recipe& recipe) {
  if (seeds > 0) recipe.set_seeds(seeds);
}

}  // namespace torpor::cli::reproduce
