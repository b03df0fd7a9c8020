// torpor reproduce: the figures of the paper, each as a command.
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/output.h"
#include "client/cli/reproduce/outcome.h"
#include "client/cli/reproduce/recipes.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli {
namespace {

struct RunFlags {
  std::string recipe, file, dataset, out;
  int seeds = 0;
  bool quick = false, again = false;
};

absl::Status List(Context& context) {
  std::vector<Json> rows;
  for (const auto& [name, yaml] : reproduce::EmbeddedRecipes()) {
    CLI_ASSIGN_OR_RETURN(const recipe::Recipe recipe, reproduce::LoadEmbedded(name));
    Json datasets = Json::array();
    for (const std::string& dataset : recipe.datasets()) datasets.push_back(dataset);
    rows.push_back({{"name", name},
                    {"title", recipe.title()},
                    {"datasets", datasets},
                    {"seeds", recipe.networks().empty() ? Json(nullptr) : Json(recipe.seeds())},
                    {"duration", recipe.duration()},
                    {"source", recipe.source()}});
  }
  PrintRows(context, {{"name"}, {"title"}, {"datasets"}, {"duration"}}, rows, {{"recipes", rows}});
  context.Note("next: torpor reproduce run merkel/fig4 --quick");
  return absl::OkStatus();
}

absl::StatusOr<recipe::Recipe> Load(Context& context, const RunFlags& flags) {
  if (flags.recipe.empty() == flags.file.empty()) {
    return UsageError("a reproduction is named, or read from a file", "torpor reproduce run",
                      "torpor reproduce list, or -f FILE");
  }
  if (flags.seeds < 0 || flags.seeds > 1000) {
    return UsageError(absl::StrCat("must be in 1..1000, got ", flags.seeds), "--seeds",
                      "--seeds 3");
  }
  CLI_ASSIGN_OR_RETURN(recipe::Recipe recipe, flags.file.empty()
                                                  ? reproduce::LoadEmbedded(flags.recipe)
                                                  : reproduce::LoadRecipeFile(context, flags.file));
  if (flags.quick) reproduce::ApplyQuick(recipe);
  // A recipe without networks needs no data.
  if (recipe.networks().empty()) {
    if (!flags.dataset.empty() || flags.seeds > 0) {
      context.Note(absl::StrCat(recipe.name(), " needs neither data nor seeds"));
    }
  } else {
    reproduce::ApplyDataset(flags.dataset, recipe);
    reproduce::ApplySeeds(flags.seeds, recipe);
  }
  return recipe;
}

// "merkel-fig4": a recipe's name as part of a file's name or a label.
std::string FlatName(const recipe::Recipe& recipe) {
  return absl::StrReplaceAll(recipe.name(), {{"/", "-"}});
}

// DIR/merkel-fig4.html and its neighbours; all names written.
absl::StatusOr<std::vector<std::string>> Write(const std::string& directory,
                                               const reproduce::Outcome& outcome) {
  CLI_ASSIGN_OR_RETURN(const reproduce::Page page, reproduce::MakePage(outcome));
  const std::string stem = absl::StrCat(directory, "/", FlatName(outcome.recipe));
  std::vector<std::pair<std::string, std::string>> files = {
      {stem + ".html", page.html},
      {stem + ".json", Dump(reproduce::OutcomeJson(outcome)) + "\n"},
      {stem + ".csv", reproduce::RowsCsv(outcome.rows)}};
  for (const auto& [suffix, content] : page.files) files.emplace_back(stem + suffix, content);
  std::vector<std::string> written;
  for (const auto& [path, content] : files) {
    CLI_RETURN_IF_ERROR(WriteWholeFile(path, content));
    written.push_back(path);
  }
  return written;
}

absl::Status Run(Context& context, const RunFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const recipe::Recipe recipe, Load(context, flags));
  const std::string directory = flags.out.empty() ? "." : flags.out;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  // Hours of work must not end at a page that cannot be drawn or written.
  CLI_RETURN_IF_ERROR(CheckWritable(directory + "/torpor-reproduce"));
  CLI_RETURN_IF_ERROR(CheckPlotting());
  context.Note(absl::StrCat(
      recipe.name(), ": ", recipe.duration(),
      flags.quick ? "; quick: fewer epochs, samples and seeds, same path" : "",
      recipe.networks().empty() ? "" : "; may be interrupted and run again: finished jobs stay"));

  reproduce::JobRunner runner(context, FlatName(recipe), flags.again);
  reproduce::Study study{context, recipe, runner, {}, {}};
  CLI_RETURN_IF_ERROR(reproduce::RunNeurons(study));
  CLI_RETURN_IF_ERROR(reproduce::RunMemories(study));
  CLI_RETURN_IF_ERROR(reproduce::RunOrganizations(study));
  CLI_RETURN_IF_ERROR(reproduce::RunNetworks(study));
  CLI_RETURN_IF_ERROR(reproduce::RunSelections(study));
  reproduce::AddDerived(study);

  reproduce::Outcome outcome;
  outcome.recipe = recipe;
  outcome.quick = flags.quick;
  outcome.rows = study.rows.Finish(recipe);
  outcome.findings = reproduce::JudgeClaims(recipe, outcome.rows, flags.quick);
  outcome.drawings = std::move(study.drawings);
  outcome.jobs = runner.jobs();
  outcome.taken_up = runner.taken_up();
  CLI_ASSIGN_OR_RETURN(const std::vector<std::string> files, Write(directory, outcome));
  switch (context.options.format) {
    case Format::kJson: {
      Json json = reproduce::OutcomeJson(outcome);
      json["files"] = files;
      context.out << Dump(json) << std::endl;
      break;
    }
    case Format::kCsv:
      context.out << reproduce::RowsCsv(outcome.rows) << std::flush;
      break;
    case Format::kTable:
      context.out << reproduce::OutcomeText(outcome) << std::flush;
      break;
  }
  if (outcome.taken_up > 0) {
    context.Note(absl::StrCat(outcome.taken_up, " of ", outcome.jobs.size(),
                              " jobs were done before and taken up (--again does them anew)"));
  }
  context.Note(absl::StrCat("page: ", files.front(), ", with JSON, CSV and SVG beside it"));
  return absl::OkStatus();
}

}  // namespace

void AddReproduceCommands(CLI::App& root, Context& context) {
  CLI::App* noun = AddNoun(root, "reproduce", "Runs the figures of the paper and compares.",
                           "torpor reproduce list\n"
                           "torpor reproduce run merkel/fig4 --quick --dataset fashion-mnist");
  AddCommand(*noun, "list", "Lists what can be reproduced.", "torpor reproduce list", context,
             [&context] { return List(context); });
  auto flags = std::make_shared<RunFlags>();
  CLI::App* run = AddCommand(
      *noun, "run",
      "Runs a recipe's jobs on the server and writes a page with the paper's values beside the "
      "measured. Finished jobs of an earlier run are taken up.",
      "torpor reproduce run merkel/fig2\n"
      "torpor reproduce run merkel/fig5 --quick --dataset fashion-mnist -o json",
      context, [=, &context] { return Run(context, *flags); });
  run->add_option("recipe", flags->recipe, "name of a recipe (torpor reproduce list)");
  run->add_option("-f,--file", flags->file, "a recipe of your own instead; - reads standard input");
  run->add_flag("--quick", flags->quick, "fewer epochs, samples and seeds on the same path");
  run->add_option("--dataset", flags->dataset, "measure on this one only (torpor dataset list)");
  run->add_option("--seeds", flags->seeds, "training seeds; intervals over seeds need three");
  run->add_option("--out", flags->out, "folder for page, JSON, CSV and SVG; default here");
  run->add_flag("--again", flags->again, "do jobs anew that an earlier run has finished");
}

}  // namespace torpor::cli
