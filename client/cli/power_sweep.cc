#include "client/cli/power_sweep.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/definition.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/mode_rows.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"
#include "client/cli/sweep_grid.h"
#include "client/cli/watch.h"

namespace torpor::cli {
namespace {

struct SweepFlags {
  std::string session, file;
  SweepGrid grid;
  double column_noise = 0;
  uint64_t noise_seed = 0;
  bool no_wait = false;
  SubmitFlags submit;
};

absl::Status Sweep(Context& context, const SweepFlags& flags, bool own_realisation) {
  v1::JobSpec spec;
  v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
  // What is wrong with the words is said without a server.
  CLI_RETURN_IF_ERROR(flags.file.empty() ? LaySweepGridOver({}, flags.grid).status()
                                         : ParseSweepGrid(flags.grid).status());
  std::optional<Definition> recipe;
  if (!flags.file.empty()) {
    CLI_ASSIGN_OR_RETURN(recipe, Definition::Load(context, flags.file));
    if (!recipe->Has("sweep")) {
      return UsageError("the file has no key `sweep`", flags.file, "a recipe of client/recipes");
    }
    CLI_RETURN_IF_ERROR(recipe->Read("sweep", sweep));
  }
  CLI_ASSIGN_OR_RETURN(const v1::Session session, GetSession(context, flags.session));
  SweepGrid grid = flags.grid;
  if (!recipe) FillSweepGrid(session, "none", grid);
  CLI_ASSIGN_OR_RETURN(sweep, LaySweepGridOver(std::move(sweep), grid));
  if (own_realisation) {
    sweep.mutable_realisation()->set_column_noise(flags.column_noise);
    sweep.mutable_realisation()->set_seed(flags.noise_seed);
  }
  spec.set_session(session.name());
  SubmitFlags submit = flags.submit;
  submit.wait = !flags.no_wait;
  const auto place = [&](absl::Status status) {
    if (!recipe) return NameFlag(std::move(status));
    return recipe->Locate(std::move(status), "spec.power_sweep.");
  };
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, submit, place));
  if (flags.no_wait) return ReportSubmitted(context, job, submit);
  CLI_RETURN_IF_ERROR(JobOutcome(job));
  PrintModeRows(context, job);
  for (const v1::PowerSweepRow& row : job.rows()) {
    if (!row.has_error()) return absl::OkStatus();
  }
  return WorkFailed(
      absl::StrCat("no mode of the sweep could be measured: ", job.rows(0).error().message()),
      job.name(), "torpor power get, which lists what each lever needs");
}

}  // namespace

void AddPowerSweep(CLI::App& power, Context& context) {
  auto flags = std::make_shared<SweepFlags>();
  auto self = std::make_shared<CLI::App*>(nullptr);
  CLI::App* sweep = AddCommand(
      power, "sweep", "Measures accuracy and power over a grid of modes.",
      "torpor power sweep s1 --dataset fashion-mnist --epsilon 1,0.5,0.2 --bias none,table\n"
      "torpor power sweep s1 epsilon_by=read_voltage --dataset mnist --epsilon-layers hidden\n"
      "torpor power sweep grid steps=1,2,4,8,16 margin=5,10 --dataset mnist\n"
      "torpor power sweep s1 --dataset mnist --epsilon 0.05:1:0.05 -o csv\n"
      "torpor power sweep s1 -f client/recipes/truenorth-small.yaml --dataset fashion-mnist",
      context, [=, &context] {
        return Sweep(context, *flags,
                     (*self)->count("--column-noise") + (*self)->count("--noise-seed") > 0);
      });
  *self = sweep;
  sweep->add_option("session", flags->session, "the session")->required();
  sweep->add_option("levers", flags->grid.levers,
                    "lever=value for every mode, or lever=value,value,... for an axis of the grid "
                    "(torpor power get lists them)");
  sweep->add_option("--dataset", flags->grid.dataset, "name of a dataset (torpor dataset list)");
  sweep->add_option("-f,--file", flags->file,
                    "a recipe whose key `sweep` holds the grid; flags go before it");
  sweep->add_option("--epsilon", flags->grid.epsilon,
                    "list or start:end:step; default 1,0.5,0.2,0.1,0.05; networks without epsilon: "
                    "powers of two of their steps");
  sweep->add_option_function<std::string>(
      "--ticks", [=](const std::string& ticks) { flags->grid.levers.push_back("steps=" + ticks); },
      "list or start:end:step; the same as steps=LIST");
  sweep->add_option("--epsilon-layers", flags->grid.epsilon_layers,
                    "layers that epsilon scales, by comma; default all");
  sweep->add_option("--bias", flags->grid.bias,
                    absl::StrCat("list of ", BiasWords(), "; default none"));
  sweep->add_option("--split", flags->grid.split, "test, train or validation; default test");
  sweep->add_option("--samples", flags->grid.samples,
                    "first samples only (validation: last of the training set); default all");
  sweep->add_option(
      "--noise", flags->grid.noise,
      "column noise that accuracy is also measured under; default 0.01,0.03; or none");
  sweep->add_option("--noise-seeds", flags->grid.noise_seeds, "seeds of that noise; default 5");
  sweep->add_option("--column-noise", flags->column_noise,
                    "instead of the session's own: noise on every column in all figures");
  sweep->add_option("--noise-seed", flags->noise_seed, "seed of the session's own noise");
  sweep->add_flag("--no-wait", flags->no_wait, "submit the job and return");
  AddSubmitFlags(*sweep, flags->submit, false);
}

}  // namespace torpor::cli
