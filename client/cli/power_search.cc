#include "client/cli/power_search.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/mode_rows.h"
#include "client/cli/rpc.h"
#include "client/cli/sweep_grid.h"
#include "client/cli/watch.h"
#include "torpor/v1/session.pb.h"

namespace torpor::cli {
namespace {

// The session's mode with the change laid over it, without its epsilons: those are sought.
v1::PowerMode BaseMode(const v1::Session& session, const PowerChange& change) {
  v1::PowerMode base = session.power_mode();
  const auto* reflection = base.GetReflection();
  for (const std::string& path : change.mask.paths()) {
    const auto* field = v1::PowerMode::descriptor()->FindFieldByName(path);
    if (field != nullptr) reflection->ClearField(&base, field);
  }
  base.MergeFrom(change.mode);
  base.clear_epsilon();
  base.clear_layer_epsilon();
  return base;
}

// A search inverts NASP(epsilon); other levers have few values, which a sweep measures one by one.
absl::Status CheckHasEpsilon(const v1::Session& session) {
  std::vector<std::string> names;
  for (const v1::Lever& lever : session.levers()) {
    if (lever.name() == "epsilon") return absl::OkStatus();
    names.push_back(lever.name());
  }
  return UsageError(absl::StrCat("a search looks for an epsilon, which this network does not have; "
                                 "it has ",
                                 absl::StrJoin(names, ", ")),
                    session.name(),
                    absl::StrCat("torpor power sweep ", ShortName(session.name()),
                                 " --dataset NAME, then torpor power set ",
                                 ShortName(session.name()), " LEVER=VALUE"));
}

struct SearchCommand {
  std::string session, bias;
  std::vector<std::string> levers;
  SearchFlags search;
  bool apply = false;
  SubmitFlags submit;
};

absl::Status Search(Context& context, const SearchCommand& flags) {
  CLI_ASSIGN_OR_RETURN(const PowerChange change, ParsePowerChange(flags.levers, "", flags.bias));
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SearchMode(context, flags.session, flags.search, change,
                                                     flags.apply, flags.submit));
  PrintModeRows(context, job);
  context.Note(flags.apply ? "the last row is in force"
                           : "the last row is the mode that was found; --apply puts it in force");
  return absl::OkStatus();
}

}  // namespace

void AddSearchFlags(CLI::App& command, SearchFlags& flags, bool required) {
  CLI::Option* nasp = command.add_option(
      "--nasp", flags.nasp, "instead of epsilon: the share of full synaptic power, in (0, 1]");
  if (required) nasp->required();
  command.add_option("--dataset", flags.dataset,
                     "with --nasp: what to measure on; default the calibration's");
  command.add_option("--split", flags.split, "with --nasp: validation or train");
  command.add_option("--samples", flags.samples,
                     "with --nasp: samples to measure on; default 5000");
  command.add_flag("--per-layer", flags.per_layer,
                   "with --nasp: the best epsilon for each layer under noise");
  command.add_option(
      "--noise", flags.noise,
      "column noise that accuracy is measured under; with --per-layer default 0.01, else none");
  command.add_option("--noise-seeds", flags.noise_seeds, "seeds of that noise; default 5");
}

absl::StatusOr<v1::Job> SearchMode(Context& context, const std::string& session_id,
                                   const SearchFlags& flags, const PowerChange& change, bool apply,
                                   const SubmitFlags& submit) {
  CLI_ASSIGN_OR_RETURN(const v1::Session session, GetSession(context, session_id));
  CLI_RETURN_IF_ERROR(CheckHasEpsilon(session));
  v1::JobSpec spec;
  spec.set_session(session.name());
  v1::PowerSearchSpec& search = *spec.mutable_power_search();
  const std::string& dataset =
      flags.dataset.empty() ? session.calibration().dataset() : flags.dataset;
  if (dataset.empty()) {
    return UsageError("this session was calibrated on no dataset: there is nothing to measure on",
                      "--dataset", "--dataset NAME (torpor dataset list)");
  }
  search.set_dataset(FullName("datasets", dataset));
  if (!flags.split.empty()) {
    CLI_ASSIGN_OR_RETURN(const v1::Split::Kind split, ParseSplit(flags.split));
    search.set_split(split);
  }
  search.set_samples(flags.samples);
  search.set_nasp(flags.nasp);
  *search.mutable_base() = BaseMode(session, change);
  search.set_per_layer(flags.per_layer);
  CLI_ASSIGN_OR_RETURN(*search.mutable_noise(), ParseNoise(flags.noise, flags.noise_seeds));
  // The inverse needs no noise, and who waits for it may be a control loop.
  if (!flags.per_layer && flags.noise.empty()) search.mutable_noise()->set_without(true);
  search.set_apply(apply);
  SubmitFlags waiting = submit;
  waiting.wait = true;
  CLI_ASSIGN_OR_RETURN(v1::Job job, SubmitJob(context, spec, waiting));
  CLI_RETURN_IF_ERROR(JobOutcome(job));
  return job;
}

void AddPowerSearch(CLI::App& power, Context& context) {
  auto flags = std::make_shared<SearchCommand>();
  CLI::App* search = AddCommand(
      power, "search", "Finds the mode that draws a given share of full power.",
      "torpor power search s1 --nasp 0.2 --bias homogeneous\n"
      "torpor power search s1 --nasp 0.1 --bias homogeneous --per-layer --noise 0.03 --apply",
      context, [=, &context] { return Search(context, *flags); });
  search->add_option("session", flags->session, "the session")->required();
  search->add_option("levers", flags->levers, "levers beside epsilon, lever=value");
  search->add_option("--bias", flags->bias, BiasWords());
  AddSearchFlags(*search, flags->search, true);
  search->add_flag("--apply", flags->apply, "put the mode in force");
  AddSubmitFlags(*search, flags->submit, false);
}

}  // namespace torpor::cli
