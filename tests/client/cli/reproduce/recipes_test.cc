#include "client/cli/reproduce/recipes.h"

#include <fstream>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"
#include "tests/support/scratch_directory.h"

namespace torpor::cli::reproduce {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

TEST(Recipes, AllThatAreBuiltInCanBeRead) {
  std::set<std::string> names;
  for (const auto& [name, yaml] : EmbeddedRecipes()) {
    const auto recipe = LoadEmbedded(name);
    ASSERT_TRUE(recipe.ok()) << name << ": " << recipe.status();
    EXPECT_EQ(recipe->name(), name);
    EXPECT_FALSE(recipe->title().empty());
    EXPECT_FALSE(recipe->source().empty());
    EXPECT_FALSE(recipe->claims().empty()) << name;
    names.insert(name);
  }
  EXPECT_THAT(
      names, IsSupersetOf({"merkel/fig2", "merkel/fig3", "merkel/fig4", "merkel/fig5",
                           "merkel/savings", "merkel/noise", "truenorth/table2", "truenorth/table3",
                           "truenorth/table4", "truenorth/fig2", "truenorth/fig4",
                           "truenorth/esser", "schaefer/fc", "schaefer/conv", "schaefer/pattern",
                           "schaefer/frontier", "schaefer/frontier-mnist"}));
}

// A network that several figures of a paper show is trained once: its id means one training.
TEST(Recipes, NetworksOfOneIdAreTrainedAlike) {
  std::map<std::string, recipe::NetworkPlan> plans;
  for (const auto& [name, yaml] : EmbeddedRecipes()) {
    if (!absl::StartsWith(name, "truenorth/")) continue;
    const auto recipe = LoadEmbedded(name);
    ASSERT_TRUE(recipe.ok());
    for (const recipe::NetworkPlan& plan : recipe->networks()) {
      recipe::NetworkPlan training;
      *training.mutable_network() = plan.network();
      *training.mutable_train() = plan.train();
      *training.mutable_further() = plan.further();
      training.set_seed_offset(plan.seed_offset());
      const auto [known, fresh] = plans.emplace(plan.id(), training);
      if (!fresh) {
        EXPECT_EQ(known->second.DebugString(), training.DebugString()) << name << " " << plan.id();
      }
    }
  }
  EXPECT_GE(plans.size(), 12u);
}

// A slip in an id would leave a published value beside nothing, or a claim unjudged.
TEST(Recipes, RatiosOfOrganizationsHaveTheirRows) {
  for (const auto& [name, yaml] : EmbeddedRecipes()) {
    const auto recipe = LoadEmbedded(name);
    ASSERT_TRUE(recipe.ok());
    std::set<std::string> ratios;
    for (const recipe::Ratio& ratio : recipe->ratios()) ratios.insert("ratio=" + ratio.id());
    EXPECT_EQ(ratios.size(), static_cast<size_t>(recipe->ratios_size())) << name << ": twice";
    for (const recipe::Claim& claim : recipe->claims()) {
      for (const recipe::Check& check : claim.checks()) {
        if (absl::StartsWith(check.row(), "ratio=")) {
          EXPECT_TRUE(ratios.contains(check.row())) << name << ": " << check.row();
        }
      }
    }
  }
}

TEST(Recipes, KnownValuesSayWhereTheyAreFrom) {
  for (const auto& [name, yaml] : EmbeddedRecipes()) {
    const auto recipe = LoadEmbedded(name);
    ASSERT_TRUE(recipe.ok());
    for (const auto* list : {&recipe->paper(), &recipe->reference()}) {
      for (const recipe::Values& values : *list) EXPECT_FALSE(values.source().empty()) << name;
    }
  }
}

TEST(Recipes, QuickIsSmallerOnTheSamePath) {
  const auto full = LoadEmbedded("merkel/fig5");
  ASSERT_TRUE(full.ok());
  recipe::Recipe quick = *full;
  ApplyQuick(quick);
  ASSERT_EQ(quick.networks_size(), full->networks_size());
  EXPECT_EQ(quick.seeds(), 1);
  EXPECT_EQ(quick.datasets_size(), 1);
  const recipe::NetworkPlan &small = quick.networks(0), &large = full->networks(0);
  EXPECT_LT(small.train().epochs(), large.train().epochs());
  EXPECT_GT(small.train().train_samples(), 0);
  ASSERT_EQ(small.grids_size(), large.grids_size());
  EXPECT_EQ(small.grids(0).bias_size(), large.grids(0).bias_size());
  EXPECT_EQ(small.grids(0).tunings_size(), large.grids(0).tunings_size());
  EXPECT_GT(small.grids(0).samples(), 0);
  EXPECT_LT(small.grids(0).tunings(0).tune().epochs(), large.grids(0).tunings(0).tune().epochs());
}

TEST(Recipes, QuickKeepsNewtonsMethodWithoutEpochs) {
  auto recipe = LoadEmbedded("merkel/fig4");
  ASSERT_TRUE(recipe.ok());
  ApplyQuick(*recipe);
  for (const recipe::Tuning& tuning : recipe->networks(0).grids(0).tunings()) {
    EXPECT_EQ(tuning.tune().epochs() == 0, tuning.tune().method() == v1::TuneSpec::Method::NEWTON)
        << tuning.name();
  }
}

TEST(Recipes, QuickMayLeaveNetworksOutAndTheirEnsembles) {
  auto recipe = LoadEmbedded("truenorth/table4");
  ASSERT_TRUE(recipe.ok());
  EXPECT_EQ(recipe->ensembles_size(), 4);
  ApplyQuick(*recipe);
  EXPECT_EQ(recipe->networks_size(), recipe->quick().networks_size());
  ASSERT_EQ(recipe->ensembles_size(), 2);
  EXPECT_EQ(recipe->ensembles(0).id(), "small-mixed");
  EXPECT_EQ(recipe->ensembles(1).id(), "large-two");
  // Nothing is missing in what is left.
  EXPECT_TRUE(CheckRecipe(*recipe, "quick").ok());
}

TEST(Recipes, QuickKeepsTheEndOfATrainingPlain) {
  auto recipe = LoadEmbedded("truenorth/table2");
  ASSERT_TRUE(recipe.ok());
  ApplyQuick(*recipe);
  const v1::TrainSpec& train = recipe->networks(1).train();
  EXPECT_EQ(train.epochs(), recipe->quick().epochs());
  EXPECT_EQ(train.augmentation().plain_epochs(), 1);
}

TEST(Recipes, DatasetAndSeedsReplaceTheRecipes) {
  auto recipe = LoadEmbedded("merkel/fig5");
  ASSERT_TRUE(recipe.ok());
  ApplyDataset("datasets/fashion-mnist", *recipe);
  ApplySeeds(5, *recipe);
  ASSERT_EQ(recipe->datasets_size(), 1);
  EXPECT_EQ(recipe->datasets(0), "fashion-mnist");
  EXPECT_EQ(recipe->seeds(), 5);
}

constexpr char kGood[] =
    "name: own/x\n"
    "datasets: [d]\n"
    "seeds: 1\n"
    "networks:\n"
    "  - id: net\n"
    "    network: {rate: {layers: [{name: out, dense: {}, activation: SIGMOID}]}}\n"
    "    grids: [{epsilon: [1, 0.5], bias: [NONE]}]\n";

// The error of `torpor reproduce run -f` for this file.
std::string ErrorOf(const std::string& yaml) {
  ScratchDirectory scratch;
  std::ofstream(scratch.File("own.yaml")) << yaml;
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  const auto recipe = LoadRecipeFile(context, scratch.File("own.yaml"));
  return recipe.ok() ? "" : FormatError(recipe.status(), false);
}

TEST(RecipeFile, IsReadAndChecked) {
  EXPECT_EQ(ErrorOf(kGood), "");
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kGood;
    text.replace(text.find(from), from.size(), to);
    return ErrorOf(text);
  };
  EXPECT_THAT(with("name: own/x", "title: x"), HasSubstr("name is missing"));
  EXPECT_THAT(with("datasets: [d]", "datasets: []"),
              HasSubstr("networks and selections need datasets"));
  EXPECT_THAT(with("seeds: 1", "seeds: 0"), HasSubstr("seeds must be in 1..1000, got 0"));
  EXPECT_THAT(with("id: net", "id: Net"), HasSubstr("networks.id must be"));
  EXPECT_THAT(with("epsilon: [1, 0.5], ", ""), HasSubstr("a grid has no epsilon"));
  EXPECT_THAT(with("bias: [NONE]", "bias: []"), HasSubstr("no bias policy"));
  EXPECT_THAT(with("grids: [{epsilon: [1, 0.5], bias: [NONE]}]", "grids: []"),
              HasSubstr("nothing is measured"));
  const std::string lever_grid = "lever_grids: [{axes: [{values: [{steps: 1}]}]}]";
  EXPECT_EQ(with("grids: [{epsilon: [1, 0.5], bias: [NONE]}]", lever_grid), "");
  EXPECT_EQ(with("grids: [{epsilon: [1, 0.5], bias: [NONE]}]", "lever_grids: [{}]"), "")
      << "full power alone";
  EXPECT_THAT(
      with("grids: [{epsilon: [1, 0.5], bias: [NONE]}]", "lever_grids: [{axes: [{values: []}]}]"),
      HasSubstr("an axis of a grid of levers has no values"));
  EXPECT_THAT(with("seeds: 1", "seeds: 1\nenergies: [{networks: [other], profiles: [p]}]"),
              HasSubstr("no network has the id `other`"));
  EXPECT_THAT(with("seeds: 1", "seeds: 1\nselections: [{id: s, select: {}}]"),
              HasSubstr("has no candidates"));
  EXPECT_THAT(with("    grids", "    seed_offset: -1\n    grids"), HasSubstr("seed_offset"));
  EXPECT_THAT(with("seeds: 1", "seeds: 1\nquick: {networks: [other]}"),
              HasSubstr("no network has the id `other`"));
  EXPECT_THAT(with("seeds: 1", "seeds: 1\nensembles: [{id: e, members: [other]}]"),
              HasSubstr("no network has the id `other`"));
  EXPECT_THAT(with("seeds: 1", "seeds: 1\nensembles: [{id: e, members: [net]}]"),
              HasSubstr("nothing is measured on it"));
  // A slip is named with its line.
  EXPECT_THAT(with("seeds: 1", "seed: 1"), HasSubstr("own.yaml:3"));
  EXPECT_THAT(with("bias: [NONE]", "bias: [NOON]"), HasSubstr("own.yaml:7"));
}

TEST(RecipeFile, FrontiersNeedNetworksWithMemorySchemes) {
  const std::string frontier = "frontiers: [{id: f, label: y}]\n";
  EXPECT_THAT(ErrorOf(kGood + frontier), HasSubstr("frontier f: no network has memory_schemes"));
  std::string text = kGood;
  text.replace(text.find("grids: "), std::string::npos, "memory_schemes: [CROSSBAR]\n");
  EXPECT_EQ(ErrorOf(text + frontier), "") << "its memory is measured, and drawn";
  EXPECT_THAT(ErrorOf(text + "frontiers: [{id: F, label: y}]\n"),
              HasSubstr("frontiers.id must be"));
}

TEST(RecipeFile, SavingsNeedHeldOutSamples) {
  std::string text = kGood;
  text.replace(text.find("grids: "), std::string::npos,
               "savings: [{bias: [NONE], ratio: 0.9, floor: 0.1, allowed_loss: 0.01}]\n");
  EXPECT_THAT(ErrorOf(text), HasSubstr("train.validation_samples must be above 0"));
}

TEST(RecipeFile, ValuesMustMatchTheirPlaces) {
  EXPECT_THAT(ErrorOf(std::string(kGood) +
                      "paper: [{id: \"eps={}\", at: [1, 0.5], value: [0.9], source: s}]\n"),
              HasSubstr("2 places and 1 values"));
}

TEST(ReproduceCommand, ListsWithoutAServerAndHelpsWithNames) {
  const RunResult list = RunTorpor({"reproduce", "list", "-o", "json"});
  ASSERT_EQ(list.exit_code, 0) << list.err;
  EXPECT_EQ(Json::parse(list.out)["recipes"].size(), EmbeddedRecipes().size());
  const RunResult wrong = RunTorpor({"reproduce", "run", "merkel/fig44"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("try: torpor reproduce run merkel/fig4"));
  const RunResult none = RunTorpor({"reproduce", "run"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("torpor reproduce list"));
  const RunResult seeds = RunTorpor({"reproduce", "run", "merkel/fig4", "--seeds", "-1"});
  EXPECT_EQ(seeds.exit_code, 2);
  EXPECT_THAT(seeds.err, HasSubstr("--seeds"));
}

}  // namespace
}  // namespace torpor::cli::reproduce
