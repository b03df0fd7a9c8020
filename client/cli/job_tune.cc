#include "client/cli/job_tune.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/mode_rows.h"
#include "client/cli/name_value.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"

namespace torpor::cli {
namespace {

struct TuneFlags {
  std::string session, dataset, epsilon, start, loss, method;
  std::vector<std::string> layer_epsilon;
  int epochs = 0, batch = 0;
  double learning_rate = 0;
  uint64_t seed = 0;
  int64_t samples = 0;
  bool no_deploy = false;
  SubmitFlags submit;
};

// out=1,hidden=0.5 and repeated flags, into the map.
absl::Status ParseLayerEpsilon(const std::vector<std::string>& words, v1::TuneSpec& tune) {
  for (const std::string& word : words) {
    for (const absl::string_view part : absl::StrSplit(word, ',')) {
      const auto layer = NameAndValue(part);
      double epsilon = 0;
      if (!layer || !absl::SimpleAtod(layer->second, &epsilon)) {
        return UsageError(absl::StrCat("not layer=epsilon: `", part, "`"), "--layer-epsilon",
                          "--layer-epsilon out=1");
      }
      (*tune.mutable_layer_epsilon())[layer->first] = epsilon;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::TuneSpec> BuildTuneSpec(const CLI::App& command, const TuneFlags& flags) {
  const auto given = [&command](const char* flag) { return command.count(flag) > 0; };
  v1::TuneSpec tune;
  tune.set_dataset(FullName("datasets", flags.dataset));
  if (given("--epsilon")) {
    CLI_ASSIGN_OR_RETURN(const std::vector<double> epsilons, ParseGrid(flags.epsilon, "--epsilon"));
    tune.mutable_epsilon()->Add(epsilons.begin(), epsilons.end());
  }
  CLI_RETURN_IF_ERROR(ParseLayerEpsilon(flags.layer_epsilon, tune));
  if (given("--start")) {
    CLI_ASSIGN_OR_RETURN(const v1::BiasPolicy::Kind start, ParseBias(flags.start));
    tune.set_start(start);
  }
  if (given("--loss")) {
    CLI_ASSIGN_OR_RETURN(const v1::Loss::Kind loss,
                         ParseKind(flags.loss, v1::Loss::Kind_Parse, "--loss", "bce, mse, ce"));
    tune.set_loss(loss);
  }
  if (given("--method")) {
    CLI_ASSIGN_OR_RETURN(
        const v1::TuneSpec::Method::Kind method,
        ParseKind(flags.method, v1::TuneSpec::Method::Kind_Parse, "--method", "adam, newton"));
    tune.set_method(method);
  }
  CLI_RETURN_IF_ERROR(CheckCount(command, "--epochs", flags.epochs, 1000));
  CLI_RETURN_IF_ERROR(CheckCount(command, "--batch", flags.batch, 65536));
  tune.set_epochs(flags.epochs);
  tune.set_batch_size(flags.batch);
  if (given("--learning-rate")) tune.set_learning_rate(flags.learning_rate);
  tune.set_seed(flags.seed);
  tune.set_samples(flags.samples);
  tune.set_no_deploy(flags.no_deploy);
  return tune;
}

absl::Status Tune(Context& context, const CLI::App& command, const TuneFlags& flags) {
  v1::JobSpec spec;
  CLI_ASSIGN_OR_RETURN(*spec.mutable_session(), ResolveSession(context, flags.session));
  CLI_ASSIGN_OR_RETURN(*spec.mutable_tune(), BuildTuneSpec(command, flags));
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, flags.submit));
  CLI_RETURN_IF_ERROR(ReportSubmitted(context, job, flags.submit));
  if (job.state() == v1::JobState::SUCCEEDED && context.options.format == Format::kTable) {
    PrintModeRows(context, job);
    context.Note(absl::StrCat("next: torpor power set ", ShortName(spec.session()),
                              " --epsilon E --bias tuned"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddJobTune(CLI::App& submit, Context& context) {
  auto flags = std::make_shared<TuneFlags>();
  auto self = std::make_shared<CLI::App*>(nullptr);
  CLI::App* tune = AddCommand(
      submit, "tune", "Trains the biases alone for weights that stand scaled (bias=tuned).",
      "torpor job submit tune s1 --dataset fashion-mnist --epsilon 0.5,0.2,0.1 --watch\n"
      "torpor job submit tune s1 --dataset mnist --epsilon 0.1 --layer-epsilon out=1 --start "
      "homogeneous\n"
      "torpor job submit tune s1 --dataset mnist --epsilon 0.1 --method newton --wait",
      context, [&context, flags, self] { return Tune(context, **self, *flags); });
  *self = tune;
  tune->add_option("session", flags->session, "the session")->required();
  tune->add_option("--dataset", flags->dataset, "name of a dataset (torpor dataset list)")
      ->required();
  tune->add_option("--epsilon", flags->epsilon,
                   "list or start:end:step, a tuning each; default: the session's present one");
  tune->add_option("--layer-epsilon", flags->layer_epsilon,
                   "layer=epsilon for layers that stay at this instead, e.g. out=1")
      ->take_all()
      ->allow_extra_args(false);
  tune->add_option(
      "--start", flags->start,
      "policy whose biases are the start, e.g. none, table, homogeneous; default none");
  tune->add_option("--loss", flags->loss,
                   "bce, mse or ce; default the one that the model was trained with");
  tune->add_option("--method", flags->method,
                   "adam, or newton: the exact optimum of a network of one layer; default adam");
  tune->add_option("--epochs", flags->epochs, "passes over the samples of adam; default 3");
  tune->add_option("--learning-rate", flags->learning_rate, "of adam; default 1e-2");
  tune->add_option("--batch", flags->batch, "samples a step of adam; default 128");
  tune->add_option("--seed", flags->seed, "root of shuffling; default 0");
  tune->add_option("--samples", flags->samples,
                   "first samples of the training set only; default all");
  tune->add_flag("--no-deploy", flags->no_deploy, "keep the tuned model out of the session");
  AddSubmitFlags(*tune, flags->submit, true);
}

}  // namespace torpor::cli
