// torpor power get and set: turns a live network's power down.
#include <memory>

#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/mode_rows.h"
#include "client/cli/output.h"
#include "client/cli/power_mode.h"
#include "client/cli/power_search.h"
#include "client/cli/power_sweep.h"
#include "client/cli/rpc.h"
#include "client/cli/session_columns.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli {
namespace {

std::vector<Column> ModeColumns(const v1::Session& session) {
  std::vector<Column> columns = {{"session"}, {"generation"}};
  for (const auto& part : {PowerModeColumns(), RealisationColumns(session)}) {
    columns.insert(columns.end(), part.begin(), part.end());
  }
  columns.insert(columns.end(),
                 {{"predicted_nasp_nominal", "predicted_nasp_nominal", Cell::kPercent},
                  {"meter.nasp", "nasp (measured)", Cell::kPercent},
                  {"meter.samples", "samples answered"},
                  {"calibration.dataset", "calibrated on"},
                  {"prepare_time_seconds", "prepare [s]", Cell::kNumber},
                  {"swap_time_seconds", "swap [s]", Cell::kNumber}});
  return columns;
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
  CLI_ASSIGN_OR_RETURN(const v1::Session session, GetSession(context, id));
  Json json = ModeJson(session);
  PrintObject(context, ModeColumns(session), json);
  if (context.options.format == Format::kTable && !session.levers().empty()) {
    context.out << "\nlevers\n";
    const std::vector<Json> rows = LeverRows(session.levers());
    PrintRows(context, {{"name"}, {"values"}, {"per_layer"}, {"needs_calibration"}, {"full_power"}},
              rows, rows);
  }
  return absl::OkStatus();
}

struct SetFlags {
  std::string session, epsilon, bias, etag, request_id;
  std::vector<std::string> levers;
  bool dry_run = false, full = false;
  SearchFlags search;
};

// `power set --nasp`: the server finds the epsilon and puts it in force.
absl::Status SetByNasp(Context& context, const SetFlags& flags, const PowerChange& change) {
  if (flags.full || !flags.epsilon.empty()) {
    return UsageError("--nasp finds the epsilon; it takes no --epsilon and no --full",
                      "torpor power set");
  }
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SearchMode(context, flags.session, flags.search, change,
                                                     !flags.dry_run, SubmitFlags()));
  if (flags.dry_run) {
    PrintModeRows(context, job);
    context.Note("nothing was changed (--dry-run)");
    return absl::OkStatus();
  }
  return Get(context, flags.session);
}

absl::Status Set(Context& context, const SetFlags& flags) {
  v1::SetPowerModeRequest request;
  CLI_ASSIGN_OR_RETURN(PowerChange change,
                       ParsePowerChange(flags.levers, flags.epsilon, flags.bias));
  if (flags.search.nasp != 0) return SetByNasp(context, flags, change);
  if (!flags.full && change.mask.paths().empty()) {
    return UsageError("no lever is given", "torpor power set",
                      "--epsilon 0.4, --nasp 0.3, --bias table, lever=value, or --full");
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
  PrintObject(context, ModeColumns(response->session()), json);
  if (flags.dry_run) context.Note("nothing was changed (--dry-run)");
  return absl::OkStatus();
}

}  // namespace

void AddPowerCommands(CLI::App& root, Context& context) {
  CLI::App* power = AddNoun(root, "power", "Turns a live network's power down.",
                            "torpor power set s1 --epsilon 0.4 --bias homogeneous\n"
                            "torpor power set s1 --epsilon hidden=0.2,out=1\n"
                            "torpor power set cores steps=8 margin=20\n"
                            "torpor power sweep s1 --dataset fashion-mnist --bias none,table");
  auto id = std::make_shared<std::string>();
  AddCommand(*power, "get", "Shows a session's mode, its levers and what it drew.",
             "torpor power get s1", context, [=, &context] { return Get(context, *id); })
      ->add_option("session", *id, "the session")
      ->required();

  auto flags = std::make_shared<SetFlags>();
  CLI::App* set = AddCommand(*power, "set", "Changes levers while the network runs.",
                             "torpor power set s1 --epsilon 0.4 --bias homogeneous\n"
                             "torpor power set s1 --nasp 0.2 --bias homogeneous\n"
                             "torpor power set s1 epsilon=0.4 bias=table --dry-run\n"
                             "torpor power set cores steps=8 margin=20",
                             context, [=, &context] { return Set(context, *flags); });
  set->add_option("session", flags->session, "the session")->required();
  set->add_option("levers", flags->levers,
                  "lever=value, e.g. epsilon=0.4 or steps=8 (torpor power get lists them)");
  set->add_option("--epsilon", flags->epsilon,
                  "scale of the weights in (0, 1], or by layer: hidden=0.2,out=1");
  set->add_option("--bias", flags->bias, BiasWords());
  set->add_flag("--full", flags->full, "back to full power: every lever at its default");
  set->add_flag("--dry-run", flags->dry_run, "check and predict, change nothing");
  set->add_option("--etag", flags->etag, "only if the session is still at this version");
  set->add_option("--request-id", flags->request_id,
                  "repeats with the same id get the first answer");

  AddSearchFlags(*set, flags->search, false);

  AddPowerSweep(*power, context);
  AddPowerSearch(*power, context);
}

}  // namespace torpor::cli
