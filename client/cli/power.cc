// torpor power: turns a live network's power down, and measures what that costs.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/output.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"
#include "client/cli/sweep_grid.h"
#include "client/cli/watch.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli {
namespace {

const std::vector<Column>& ModeColumns() {
  static const auto* columns =
      new std::vector<Column>{{"session"},
                              {"generation"},
                              {"power_mode.epsilon", "epsilon"},
                              {"power_mode.layer_epsilon", "layer_epsilon"},
                              {"power_mode.bias", "bias"},
                              {"predicted_nasp_nominal", "predicted_nasp_nominal", Cell::kPercent},
                              {"meter.nasp", "nasp (measured)", Cell::kPercent},
                              {"meter.samples", "samples answered"},
                              {"realisation.column_noise", "column_noise", Cell::kPercent},
                              {"calibration.dataset", "calibrated on"},
                              {"prepare_time_seconds", "prepare [s]", Cell::kNumber},
                              {"swap_time_seconds", "swap [s]", Cell::kNumber}};
  return *columns;
}

// The part of a session that concerns power.
Json ModeJson(const v1::Session& session) {
  const Json whole = ToJson(session);
  Json json = {{"session", session.name()}, {"generation", session.generation()}};
  for (const char* key : {"power_mode", "realisation", "meter", "calibration", "levers", "etag"}) {
    if (whole.contains(key)) json[key] = whole[key];
  }
  return json;
}

absl::Status Get(Context& context, const std::string& id) {
  v1::GetSessionRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveSession(context, id));
  CLI_ASSIGN_OR_RETURN(
      const v1::Session session,
      Call<v1::SessionService>(context, &v1::SessionService::Stub::GetSession, request));
  Json json = ModeJson(session);
  PrintObject(context, ModeColumns(), json);
  if (context.options.format == Format::kTable && !session.levers().empty()) {
    context.out << "\nlevers\n";
    std::vector<Json> rows;
    for (const v1::Lever& lever : session.levers()) {
      Json row = ToJson(lever);
      row["values"] = lever.choices().empty()
                          ? absl::StrCat(lever.minimum_exclusive() ? "(" : "[", lever.minimum(),
                                         ", ", lever.maximum(), "]")
                          : absl::StrJoin(lever.choices(), ", ");
      rows.push_back(std::move(row));
    }
    PrintRows(context, {{"name"}, {"values"}, {"per_layer"}, {"needs_calibration"}, {"full_power"}},
              rows, rows);
  }
  return absl::OkStatus();
}

struct SetFlags {
  std::string session, epsilon, bias, etag, request_id;
  std::vector<std::string> levers;
  bool dry_run = false, full = false;
};

absl::Status Set(Context& context, const SetFlags& flags) {
  v1::SetPowerModeRequest request;
  CLI_ASSIGN_OR_RETURN(PowerChange change,
                       ParsePowerChange(flags.levers, flags.epsilon, flags.bias));
  if (!flags.full && change.mask.paths().empty()) {
    return UsageError("no lever is given", "torpor power set",
                      "--epsilon 0.4, --bias table, lever=value, or --full");
  }
  if (flags.full && !change.mask.paths().empty()) {
    return UsageError("--full sets every lever; it takes no other", "torpor power set");
  }
  CLI_ASSIGN_OR_RETURN(*request.mutable_session(), ResolveSession(context, flags.session));
  *request.mutable_power_mode() = change.mode;
  *request.mutable_update_mask() = change.mask;
  request.set_validate_only(flags.dry_run);
  request.set_etag(flags.etag);
  request.set_request_id(flags.request_id.empty() ? NewRequestId() : flags.request_id);
  const absl::StatusOr<v1::SetPowerModeResponse> response =
      Call<v1::SessionService>(context, &v1::SessionService::Stub::SetPowerMode, request);
  if (!response.ok()) return NameFlag(response.status());
  Json json = ModeJson(response->session());
  json.erase("levers");
  const Json reply = ToJson(*response);
  for (const auto& [key, value] : reply.items()) {
    if (key != "session") json[key] = value;
  }
  json["dry_run"] = flags.dry_run;
  PrintObject(context, ModeColumns(), json);
  if (flags.dry_run) context.Note("nothing was changed (--dry-run)");
  return absl::OkStatus();
}

struct SweepFlags {
  std::string session;
  SweepGrid grid;
  double column_noise = 0;
  uint64_t noise_seed = 0;
  bool no_wait = false;
  SubmitFlags submit;
};

absl::StatusOr<v1::JobSpec> BuildSweep(const SweepFlags& flags, bool own_realisation) {
  v1::JobSpec spec;
  v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
  CLI_ASSIGN_OR_RETURN(sweep, ParseSweepGrid(flags.grid));
  if (own_realisation) {
    sweep.mutable_realisation()->set_column_noise(flags.column_noise);
    sweep.mutable_realisation()->set_seed(flags.noise_seed);
  }
  return spec;
}

// A row that could not be measured shows its error instead of zeros that look like figures.
Json RowJson(const v1::PowerSweepRow& row) {
  Json json = ToJson(row);
  if (!row.has_error()) return json;
  return {{"epsilon", json["epsilon"]}, {"bias", json["bias"]}, {"error", json["error"]}};
}

absl::Status Sweep(Context& context, const SweepFlags& flags, bool own_realisation) {
  CLI_ASSIGN_OR_RETURN(v1::JobSpec spec, BuildSweep(flags, own_realisation));
  CLI_ASSIGN_OR_RETURN(*spec.mutable_session(), ResolveSession(context, flags.session));
  SubmitFlags submit = flags.submit;
  submit.wait = !flags.no_wait;
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, submit));
  if (flags.no_wait) {
    PrintJob(context, job);
    context.Note(absl::StrCat("next: torpor job watch ", ShortName(job.name())));
    return absl::OkStatus();
  }
  std::vector<Json> rows;
  int wrong = 0;
  for (const v1::PowerSweepRow& row : job.rows()) {
    rows.push_back(RowJson(row));
    wrong += row.has_error();
  }
  CLI_RETURN_IF_ERROR(JobOutcome(job));
  std::vector<Column> columns = {
      {"epsilon", "", Cell::kNumber},   {"bias"},
      {"accuracy", "", Cell::kPercent}, {"loss", "", Cell::kNumber},
      {"ece", "", Cell::kPercent},      {"agreement", "", Cell::kPercent},
      {"nasp", "", Cell::kPercent},     {"nasp_nominal", "", Cell::kPercent}};
  if (wrong > 0) columns.push_back({"error.message", "error"});
  PrintRows(context, columns, rows,
            {{"job", job.name()}, {"session", job.spec().session()}, {"rows", rows}});
  if (wrong > 0 && wrong == job.rows_size()) {
    return WorkFailed(
        absl::StrCat("no mode of the sweep could be measured: ", job.rows(0).error().message()),
        job.name(), "torpor power get, which lists what each lever needs");
  }
  return absl::OkStatus();
}

}  // namespace

void AddPowerCommands(CLI::App& root, Context& context) {
  CLI::App* power = AddNoun(root, "power", "Turns a live network's power down.",
                            "torpor power set s1 --epsilon 0.4 --bias homogeneous\n"
                            "torpor power set s1 --epsilon hidden=0.2,out=1\n"
                            "torpor power sweep s1 --dataset fashion-mnist --bias none,table");
  auto id = std::make_shared<std::string>();
  AddCommand(*power, "get", "Shows a session's mode, its levers and what it drew.",
             "torpor power get s1", context, [=, &context] { return Get(context, *id); })
      ->add_option("session", *id, "the session")
      ->required();

  auto flags = std::make_shared<SetFlags>();
  CLI::App* set = AddCommand(*power, "set", "Changes levers while the network runs.",
                             "torpor power set s1 --epsilon 0.4 --bias homogeneous\n"
                             "torpor power set s1 epsilon=0.4 bias=table --dry-run",
                             context, [=, &context] { return Set(context, *flags); });
  set->add_option("session", flags->session, "the session")->required();
  set->add_option("levers", flags->levers, "lever=value, e.g. epsilon=0.4");
  set->add_option("--epsilon", flags->epsilon,
                  "scale of the weights in (0, 1], or by layer: hidden=0.2,out=1");
  set->add_option("--bias", flags->bias, "none, table or homogeneous");
  set->add_flag("--full", flags->full, "back to full power: every lever at its default");
  set->add_flag("--dry-run", flags->dry_run, "check and predict, change nothing");
  set->add_option("--etag", flags->etag, "only if the session is still at this version");
  set->add_option("--request-id", flags->request_id,
                  "repeats with the same id get the first answer");

  auto sweep_flags = std::make_shared<SweepFlags>();
  auto self = std::make_shared<CLI::App*>(nullptr);
  CLI::App* sweep = AddCommand(
      *power, "sweep", "Measures accuracy and power over a grid of modes.",
      "torpor power sweep s1 --dataset fashion-mnist --epsilon 1,0.5,0.2 --bias none,table\n"
      "torpor power sweep s1 --dataset mnist --epsilon 0.05:1:0.05 -o csv",
      context, [=, &context] {
        return Sweep(context, *sweep_flags,
                     (*self)->count("--column-noise") + (*self)->count("--noise-seed") > 0);
      });
  *self = sweep;
  sweep->add_option("session", sweep_flags->session, "the session")->required();
  sweep
      ->add_option("--dataset", sweep_flags->grid.dataset,
                   "name of a dataset (torpor dataset list)")
      ->required();
  sweep->add_option("--epsilon", sweep_flags->grid.epsilon,
                    "list or start:end:step; default 1,0.5,0.2,0.1,0.05");
  sweep->add_option("--bias", sweep_flags->grid.bias, "list of policies; default none");
  sweep->add_option("--split", sweep_flags->grid.split, "test or train; default test");
  sweep->add_option("--samples", sweep_flags->grid.samples, "first samples only; default all");
  sweep->add_option("--column-noise", sweep_flags->column_noise,
                    "instead of the session's: noise on every column, a fraction such as 0.01");
  sweep->add_option("--noise-seed", sweep_flags->noise_seed, "seed of that noise");
  sweep->add_flag("--no-wait", sweep_flags->no_wait, "submit the job and return");
  AddSubmitFlags(*sweep, sweep_flags->submit, false);
}

}  // namespace torpor::cli
