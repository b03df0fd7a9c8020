// torpor session: live networks.
#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/definition.h"
#include "client/cli/errors.h"
#include "client/cli/infer.h"
#include "client/cli/job_run.h"
#include "client/cli/output.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"
#include "client/cli/session_columns.h"
#include "client/cli/session_spikes.h"
#include "client/cli/watch.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli {
namespace {

struct CreateFlags {
  std::string id, name, file, model, display_name, epsilon, bias, request_id;
  std::vector<std::string> labels;
  std::string connections;
  uint64_t seed = 0, noise_seed = 0;
  double column_noise = 0, off_conductance = 0;
  int copies = 0;
};

void PrintSession(Context& context, const v1::Session& session) {
  std::vector<Column> columns = {{"name"}, {"display_name"}, {"model"}, {"generation"}};
  for (const auto& part : {PowerModeColumns(), RealisationColumns(session)}) {
    columns.insert(columns.end(), part.begin(), part.end());
  }
  columns.insert(columns.end(), {{"calibration.dataset", "calibrated on"},
                                 {"meter.samples", "samples answered"},
                                 {"meter.nasp", "nasp (measured)", Cell::kPercent},
                                 {"labels"},
                                 {"create_time", "created"},
                                 {"etag"}});
  PrintObject(context, columns, ToJson(session));
}

absl::StatusOr<v1::Realisation> ParseRealisation(const CreateFlags& flags) {
  v1::Realisation realisation;
  realisation.set_column_noise(flags.column_noise);
  realisation.set_seed(flags.noise_seed);
  realisation.set_off_conductance(flags.off_conductance);
  realisation.set_copies(flags.copies);
  if (!flags.connections.empty()) {
    CLI_ASSIGN_OR_RETURN(const v1::Connections::Kind connections,
                         ParseKind(flags.connections, v1::Connections::Kind_Parse, "--connections",
                                   "threshold, sampled"));
    realisation.set_connections(connections);
  }
  return realisation;
}

absl::Status Create(Context& context, const CreateFlags& flags) {
  v1::CreateSessionRequest request;
  if (!flags.id.empty() && !flags.name.empty()) {
    return UsageError("the session's name is given twice", "--name", "only one of the two");
  }
  if (flags.file.empty() == flags.model.empty()) {
    return UsageError("a session is made from a file or from a model", "torpor session create",
                      "-f net.yaml, or --model MODEL");
  }
  request.set_session_id(flags.id.empty() ? flags.name : flags.id);
  request.set_display_name(flags.display_name);
  request.set_seed(flags.seed);
  request.set_request_id(flags.request_id.empty() ? NewRequestId() : flags.request_id);
  CLI_RETURN_IF_ERROR(ParseLabels(flags.labels, *request.mutable_labels()));
  CLI_ASSIGN_OR_RETURN(*request.mutable_realisation(), ParseRealisation(flags));
  CLI_ASSIGN_OR_RETURN(const PowerChange mode, ParsePowerChange({}, flags.epsilon, flags.bias));
  *request.mutable_power_mode() = mode.mode;

  std::optional<Definition> definition;
  if (!flags.file.empty()) {
    CLI_ASSIGN_OR_RETURN(auto loaded, LoadNetwork<v1::Network>(context, flags.file));
    definition = std::move(loaded.first);
    *request.mutable_network() = std::move(loaded.second);
  } else {
    CLI_ASSIGN_OR_RETURN(*request.mutable_model(), ResolveModel(context, flags.model));
  }
  absl::StatusOr<v1::Session> session =
      Call<v1::SessionService>(context, &v1::SessionService::Stub::CreateSession, request);
  if (!session.ok()) {
    const auto bad = DetailOf<google::rpc::BadRequest>(session.status());
    const bool in_file = definition && bad && bad->field_violations_size() > 0 &&
                         absl::StartsWith(bad->field_violations(0).field(), "network");
    return in_file ? definition->Locate(session.status(), "network.") : NameFlag(session.status());
  }
  PrintSession(context, *session);
  // What has been trained is ready to answer.
  const char* next = flags.model.empty() ? "job submit train" : "session evaluate";
  context.Note(absl::StrCat("next: torpor ", next, " ", ShortName(session->name()),
                            " --dataset fashion-mnist", flags.model.empty() ? " --watch" : ""));
  return absl::OkStatus();
}

absl::Status List(Context& context) {
  v1::ListSessionsRequest request;
  request.set_page_size(1000);
  std::vector<Json> rows;
  do {
    CLI_ASSIGN_OR_RETURN(
        const v1::ListSessionsResponse response,
        Call<v1::SessionService>(context, &v1::SessionService::Stub::ListSessions, request));
    for (const v1::Session& session : response.sessions()) rows.push_back(ToJson(session));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  std::vector<Column> columns = {{"name"}, {"display_name"}, {"model"}, {"generation"}};
  for (const Column& lever : PowerModeColumns()) {
    // A table is not widened by levers that stand at full power everywhere.
    const bool used = context.options.format != Format::kTable ||
                      std::any_of(rows.begin(), rows.end(),
                                  [&](const Json& row) { return !FormatCell(row, lever).empty(); });
    if (used) columns.push_back(lever);
  }
  columns.insert(columns.end(), {{"meter.samples", "samples"},
                                 {"meter.nasp", "nasp", Cell::kPercent},
                                 {"create_time", "created"}});
  PrintRows(context, columns, rows, {{"sessions", rows}});
  if (rows.empty()) context.Note("no session yet; next: torpor session create -f net.yaml");
  return absl::OkStatus();
}

absl::Status Get(Context& context, const std::string& id) {
  CLI_ASSIGN_OR_RETURN(const v1::Session session, GetSession(context, id));
  PrintSession(context, session);
  return absl::OkStatus();
}

absl::Status Delete(Context& context, const std::string& id, const std::string& etag) {
  v1::DeleteSessionRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveSession(context, id));
  request.set_etag(etag);
  request.set_request_id(NewRequestId());
  const auto response =
      Call<v1::SessionService>(context, &v1::SessionService::Stub::DeleteSession, request);
  if (!response.ok()) return response.status();
  PrintObject(context, {{"deleted"}}, {{"deleted", request.name()}});
  return absl::OkStatus();
}

struct EvaluateFlags {
  std::string session, dataset, split;
  int64_t samples = 0;
  SubmitFlags submit;
};

absl::Status Evaluate(Context& context, const EvaluateFlags& flags) {
  v1::JobSpec spec;
  CLI_ASSIGN_OR_RETURN(const v1::Split::Kind split, ParseSplit(flags.split));
  CLI_ASSIGN_OR_RETURN(*spec.mutable_session(), ResolveSession(context, flags.session));
  spec.mutable_evaluate()->set_dataset(FullName("datasets", flags.dataset));
  spec.mutable_evaluate()->set_split(split);
  spec.mutable_evaluate()->set_samples(flags.samples);
  SubmitFlags submit = flags.submit;
  submit.wait = true;
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, submit));
  PrintJob(context, job);
  return JobOutcome(job);
}

}  // namespace

void AddSessionCommands(CLI::App& root, Context& context) {
  CLI::App* session = AddNoun(root, "session", "Live networks that answer inference.",
                              "torpor session create s1 -f net.yaml --seed 7\n"
                              "torpor session infer s1 --dataset fashion-mnist --index 0\n"
                              "torpor session list");
  auto create_flags = std::make_shared<CreateFlags>();
  CLI::App* create =
      AddCommand(*session, "create", "Makes a session from a definition or a model.",
                 "torpor session create s1 -f net.yaml --seed 7 --column-noise 0.01\n"
                 "torpor session create four --model cores --connections sampled "
                 "--copies 4",
                 context, [=, &context] { return Create(context, *create_flags); });
  create->add_option("name", create_flags->id, "id of the session; chosen by the server if absent");
  create->add_option("--name", create_flags->name, "the same as a flag");
  create->add_option("-f,--file", create_flags->file,
                     "network or recipe, YAML or JSON; - reads standard input");
  create->add_option("--model", create_flags->model, "start from this model");
  create->add_option("--seed", create_flags->seed, "seed of the initial parameters; default 0");
  create->add_option("--column-noise", create_flags->column_noise,
                     "noise of the simulated hardware, a fraction such as 0.01; default 0");
  create->add_option("--noise-seed", create_flags->noise_seed,
                     "seed of that noise, and of sampled connections; default 0");
  create->add_option("--off-conductance", create_flags->off_conductance,
                     "of devices that are off, a share of the largest conductance; default 0");
  create->add_option("--connections", create_flags->connections,
                     "networks of cores: how learned connections are written into the hardware, "
                     "threshold or sampled; default threshold");
  create->add_option("--copies", create_flags->copies,
                     "networks of cores: copies with sampled connections that vote; default 1");
  create->add_option("--epsilon", create_flags->epsilon, "start at this epsilon; default 1");
  create->add_option("--bias", create_flags->bias, "start with this bias policy; default none");
  create->add_option("--display-name", create_flags->display_name, "shown in lists");
  create->add_option("--label", create_flags->labels, "name=value, kept with the session")
      ->take_all()
      ->allow_extra_args(false);
  create->add_option("--request-id", create_flags->request_id,
                     "repeats with the same id get the first answer");

  AddCommand(*session, "list", "Lists the sessions.", "torpor session list -o json", context,
             [&context] { return List(context); });

  auto id = std::make_shared<std::string>();
  auto etag = std::make_shared<std::string>();
  AddCommand(*session, "get", "Shows a session.", "torpor session get s1", context,
             [=, &context] { return Get(context, *id); })
      ->add_option("session", *id, "id, or unique beginning of an id")
      ->required();
  CLI::App* remove = AddCommand(*session, "delete", "Ends a session; its models and jobs stay.",
                                "torpor session delete s1", context,
                                [=, &context] { return Delete(context, *id, *etag); });
  remove->add_option("session", *id, "id, or unique beginning of an id")->required();
  remove->add_option("--etag", *etag, "only if the session is still at this version");

  AddInferCommand(*session, context);
  AddSpikesCommand(*session, context);

  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* evaluate =
      AddCommand(*session, "evaluate", "Measures accuracy and power of the present mode; waits.",
                 "torpor session evaluate s1 --dataset fashion-mnist -o json", context,
                 [=, &context] { return Evaluate(context, *flags); });
  evaluate->add_option("session", flags->session, "the session")->required();
  evaluate->add_option("--dataset", flags->dataset, "name of a dataset (torpor dataset list)")
      ->required();
  evaluate->add_option("--split", flags->split, "test or train; default test");
  evaluate->add_option("--samples", flags->samples, "first samples only; default all");
  AddSubmitFlags(*evaluate, flags->submit, false);
}

}  // namespace torpor::cli
