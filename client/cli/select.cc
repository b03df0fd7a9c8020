// torpor select: trains candidates, stores each in many ways, and weighs accuracy against memory
// and energy.
#include <cmath>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/command.h"
#include "client/cli/definition.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/rpc.h"
#include "client/cli/select_grid.h"
#include "client/cli/select_rows.h"
#include "client/cli/watch.h"
#include "torpor/v1/job.grpc.pb.h"

namespace torpor::cli {
namespace {

struct SelectFlags {
  std::string session, file, job;
  SelectGrid grid;
  std::optional<double> mu;
  bool no_wait = false;
  SubmitFlags submit;
};

absl::Status CheckFlags(const CLI::App& command, const SelectFlags& flags) {
  CLI_RETURN_IF_ERROR(CheckCount(command, "--epochs", flags.grid.epochs, 100000));
  // Written so that NaN fails.
  if (flags.mu && !(*flags.mu >= 0 && std::isfinite(*flags.mu))) {
    return UsageError(absl::StrCat("must be at least 0 and finite, got ", *flags.mu), "--mu",
                      "--mu 0.5");
  }
  for (const auto& [flag, value] :
       {std::pair("--train-samples", flags.grid.train_samples),
        std::pair("--validation-samples", flags.grid.validation_samples),
        std::pair("--label-samples", flags.grid.label_samples)}) {
    if (command.count(flag) > 0 && value < 1) {
      return UsageError(absl::StrCat("must be at least 1, got ", value), flag);
    }
  }
  if (flags.job.empty() == flags.session.empty()) {
    return UsageError("a session to run in, or --job to show, one of the two", "torpor select",
                      "torpor select s1 --dataset mnist --bits 4,8");
  }
  if (!flags.job.empty() || !flags.file.empty()) return absl::OkStatus();
  return CheckSelectGrid(flags.grid);
}

absl::Status Show(Context& context, const SelectFlags& flags, const v1::Job& job) {
  if (!job.spec().has_select()) {
    return UsageError(absl::StrCat(job.name(), " is no selection"), "--job", "torpor job list");
  }
  CLI_RETURN_IF_ERROR(JobOutcome(job));
  Json more = Json::object();
  std::string note;
  if (const v1::SelectArm* best = flags.mu ? BestAt(job, *flags.mu) : nullptr) {
    const double reward = RewardOf(*best, *flags.mu);
    more["best"] = {{"mu", *flags.mu}, {"reward", reward}, {"arm", ToJson(*best)}};
    note = absl::StrFormat("at mu %.4g the best is %s: reward %.4f", *flags.mu, ArmText(*best),
                           reward);
  }
  PrintArms(context, job, more);
  // The answer to what was asked, so on standard output.
  if (!note.empty() && context.options.format == Format::kTable) context.out << note << std::endl;
  context.Note(absl::StrCat("next: torpor report select ", ShortName(job.name())));
  return absl::OkStatus();
}

absl::Status ShowEarlier(Context& context, const SelectFlags& flags) {
  v1::GetJobRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveJob(context, flags.job));
  CLI_ASSIGN_OR_RETURN(const v1::Job job,
                       Call<v1::JobService>(context, &v1::JobService::Stub::GetJob, request));
  return Show(context, flags, job);
}

absl::Status Select(Context& context, const CLI::App& command, const SelectFlags& flags) {
  CLI_RETURN_IF_ERROR(CheckFlags(command, flags));
  if (!flags.job.empty()) return ShowEarlier(context, flags);
  v1::JobSpec spec;
  v1::SelectSpec from_file;
  std::optional<Definition> recipe;
  if (!flags.file.empty()) {
    CLI_ASSIGN_OR_RETURN(recipe, Definition::Load(context, flags.file));
    CLI_RETURN_IF_ERROR(recipe->Read(recipe->Has("select") ? "select" : "", from_file));
  }
  CLI_ASSIGN_OR_RETURN(const v1::Session session, GetSession(context, flags.session));
  spec.set_session(session.name());
  CLI_ASSIGN_OR_RETURN(*spec.mutable_select(),
                       LaySelectGridOver(std::move(from_file), flags.grid, session.network()));
  SubmitFlags submit = flags.submit;
  submit.wait = !flags.no_wait;
  const auto place = [&](absl::Status status) {
    return recipe ? recipe->Locate(std::move(status), "spec.select.")
                  : NameSelectFlag(std::move(status));
  };
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, submit, place));
  return flags.no_wait ? ReportSubmitted(context, job, submit) : Show(context, flags, job);
}

void AddGridFlags(CLI::App& select, SelectGrid& grid) {
  select.add_option("--dataset", grid.dataset, "name of a dataset (torpor dataset list)");
  select.add_option("--neurons", grid.neurons,
                    "candidates: the session's network in these sizes, by comma");
  select.add_option("--rule", grid.rules,
                    "candidates: learned by these rules: windowed, pairwise, gated");
  select.add_option("--scheme", grid.schemes,
                    "storages: ptq (after the training), itq (while it learns); default ptq");
  select.add_option("--rounding", grid.roundings,
                    "storages: truncate, nearest, stochastic; default nearest");
  select.add_option("--bits", grid.bits, "storages: bits of a number, 1..32, by comma");
  select.add_option("--scope", grid.scopes,
                    "storages: w (weights), wn (weights and neurons); default w");
  select.add_option("--seeds", grid.seeds, "each training by each of these, by comma; default 1");
  select.add_option("--max-memory", grid.max_memory, "at most so many bytes, e.g. 300kB");
  select.add_option("--max-joules", grid.max_joules, "at most so much an inference, e.g. 20uJ");
  select.add_option("--min-accuracy", grid.min_accuracy, "at least, e.g. 0.85 or 85%");
  select.add_option("--reference", grid.reference,
                    "candidate whose memory the others' is compared with; default the first");
  select.add_option("--epochs", grid.epochs,
                    "passes over the training samples; default 1, with -f what the file says");
  select.add_option("--train-samples", grid.train_samples,
                    "train on the first samples only; default all that are not held out");
  select.add_option("--validation-samples", grid.validation_samples,
                    "last samples of the training set, held out to measure on; default 5000");
  select.add_option("--label-samples", grid.label_samples,
                    "training samples that name the neurons; default 10000");
  select.add_flag("--no-early-stop", grid.no_early_stop,
                  "train every arm to its end, also those that can no longer win");
}

}  // namespace

void AddSelectCommand(CLI::App& root, Context& context) {
  auto flags = std::make_shared<SelectFlags>();
  auto self = std::make_shared<CLI::App*>(nullptr);
  CLI::App* select = AddCommand(
      root, "select", "Trains and stores networks in many ways, and weighs what each costs.",
      "torpor select s1 --dataset mnist --neurons 100,400 --rule windowed,pairwise --scheme "
      "ptq,itq --rounding truncate,nearest,stochastic --bits 4,6,8 --scope w,wn --seeds 1,2,3\n"
      "torpor select s1 --dataset mnist --bits 4,8 --max-memory 300kB --min-accuracy 0.85\n"
      "torpor select s1 -f selection.yaml --mu 0.5\n"
      "torpor select --job latest --mu 0.1",
      context, [&context, flags, self] { return Select(context, **self, *flags); });
  *self = select;
  select->add_option("session", flags->session, "the session");
  select->add_option("--job", flags->job, "show an ended selection instead of running one");
  select->add_option("-f,--file", flags->file,
                     "a file that is a selection, or holds one under the key `select`; flags go "
                     "before it");
  AddGridFlags(*select, flags->grid);
  select->add_option("--mu", flags->mu,
                     "name the winner for this trade-off, R = accuracy - mu M / M_0; 0 or more");
  select->add_flag("--no-wait", flags->no_wait, "submit the job and return");
  AddSubmitFlags(*select, flags->submit, false);
}

}  // namespace torpor::cli
