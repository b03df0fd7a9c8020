// torpor model: networks with parameters, kept by the server.
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/model_file.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "torpor/v1/model.grpc.pb.h"

namespace torpor::cli {
namespace {

void PrintModel(Context& context, const v1::Model& model) {
  PrintObject(context,
              {{"name"},
               {"network.display_name", "network"},
               {"source"},
               {"loss"},
               {"metrics.test_accuracy", "test_accuracy", Cell::kPercent},
               {"calibration.dataset", "calibrated on"},
               {"size_bytes", "size", Cell::kBytes},
               {"digest"},
               {"create_time", "created"}},
              ToJson(model));
}

absl::Status List(Context& context) {
  v1::ListModelsRequest request;
  request.set_page_size(1000);
  std::vector<Json> rows;
  do {
    CLI_ASSIGN_OR_RETURN(
        const v1::ListModelsResponse response,
        Call<v1::ModelService>(context, &v1::ModelService::Stub::ListModels, request));
    for (const v1::Model& model : response.models()) rows.push_back(ToJson(model));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  PrintRows(context,
            {{"name"},
             {"network.display_name", "network"},
             {"source"},
             {"loss"},
             {"metrics.test_accuracy", "test_accuracy", Cell::kPercent},
             {"calibration.dataset", "calibrated on"},
             {"size_bytes", "size", Cell::kBytes},
             {"create_time", "created"}},
            rows, {{"models", rows}});
  return absl::OkStatus();
}

absl::Status Get(Context& context, const std::string& id) {
  v1::GetModelRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveModel(context, id));
  CLI_ASSIGN_OR_RETURN(const v1::Model model,
                       Call<v1::ModelService>(context, &v1::ModelService::Stub::GetModel, request));
  PrintModel(context, model);
  return absl::OkStatus();
}

absl::Status Delete(Context& context, const std::string& id, const std::string& etag) {
  v1::DeleteModelRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveModel(context, id));
  request.set_etag(etag);
  request.set_request_id(NewRequestId());
  const auto response =
      Call<v1::ModelService>(context, &v1::ModelService::Stub::DeleteModel, request);
  if (!response.ok()) return response.status();
  PrintObject(context, {{"deleted"}}, {{"deleted", request.name()}});
  return absl::OkStatus();
}

absl::Status Snapshot(Context& context, const std::string& session, const std::string& name) {
  v1::SnapshotSessionRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_session(), ResolveSession(context, session));
  request.set_model_id(name);
  request.set_request_id(NewRequestId());
  CLI_ASSIGN_OR_RETURN(
      const v1::Model model,
      Call<v1::ModelService>(context, &v1::ModelService::Stub::SnapshotSession, request));
  PrintModel(context, model);
  context.Note(absl::StrCat("next: torpor session create --model ", ShortName(model.name())));
  return absl::OkStatus();
}

absl::Status Ensemble(Context& context, const std::vector<std::string>& members,
                      const std::string& id) {
  v1::JoinModelsRequest request;
  for (const std::string& member : members) {
    CLI_ASSIGN_OR_RETURN(*request.add_members(), ResolveModel(context, member));
  }
  request.set_model_id(id);
  request.set_display_name(id);
  request.set_request_id(NewRequestId());
  CLI_ASSIGN_OR_RETURN(
      const v1::Model model,
      Call<v1::ModelService>(context, &v1::ModelService::Stub::JoinModels, request));
  PrintModel(context, model);
  const std::string name = ShortName(model.name());
  context.Note(absl::StrCat("next: torpor session create ", name, " --model ", name));
  return absl::OkStatus();
}

absl::Status Export(Context& context, const ExportFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const ExportedModel exported, ExportModel(context, flags));
  PrintObject(context, {{"model"}, {"file"}, {"bytes", "size", Cell::kBytes}},
              {{"model", exported.model}, {"file", flags.file}, {"bytes", exported.bytes}});
  return absl::OkStatus();
}

absl::Status Import(Context& context, const ImportFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const v1::Model model, ImportModel(context, flags));
  PrintModel(context, model);
  const std::string id = ShortName(model.name());
  context.Note(absl::StrCat("next: torpor session create ", id, " --model ", id));
  return absl::OkStatus();
}

void AddFileCommands(CLI::App& model, Context& context) {
  auto out = std::make_shared<ExportFlags>();
  CLI::App* to_file =
      AddCommand(model, "export", "Writes a model to a file, for NumPy or for another server.",
                 "torpor model export latest --file weights.npz\n"
                 "torpor model export sessions/s1 --file s1.torpor\n"
                 "torpor model export sessions/grid --format cores --file cores.npz",
                 context, [=, &context] { return Export(context, *out); });
  to_file
      ->add_option("model", out->model,
                   "id, unique beginning of an id, `latest`, or sessions/ID: what it serves")
      ->required();
  to_file->add_option("-f,--file", out->file, "the file; .npz, or .torpor for an archive")
      ->required();
  to_file->add_option(
      "--format", out->format,
      "npz, cores (crossbars as written into hardware) or archive, whatever the ending");

  auto in = std::make_shared<ImportFlags>();
  CLI::App* from_file = AddCommand(
      model, "import", "Makes a model of a file: an archive, or weights trained elsewhere.",
      "torpor model import weights.npz --network net.yaml --id mine --loss bce\n"
      "torpor model import cores.npz --network grid.yaml --id chip\n"
      "torpor model import s1.torpor",
      context, [=, &context] { return Import(context, *in); });
  from_file
      ->add_option(
          "file", in->file,
          "NPZ with arrays LAYER.weight [units x inputs] and LAYER.bias, cores as they are "
          "exported, or an archive")
      ->required();
  from_file->add_option("--network", in->network,
                        "definition of the network of an NPZ or of cores, YAML or JSON");
  from_file->add_option("--id,--name", in->id, "id of the model; chosen by the server if absent");
  from_file->add_option("--loss", in->loss,
                        "loss that an NPZ was trained with, as of job submit train");
  from_file->add_option("--format", in->format,
                        "npz, cores or archive; default: as the file begins");
  from_file->add_option("--request-id", in->request_id, "a repeat with it has no second effect");
}

}  // namespace

void AddModelCommands(CLI::App& root, Context& context) {
  CLI::App* model = AddNoun(root, "model", "Networks with parameters, kept by the server.",
                            "torpor model list\n"
                            "torpor model snapshot s1 --name before\n"
                            "torpor model export before --file before.npz\n"
                            "torpor session create s2 --model before");
  AddCommand(*model, "list", "Lists the models.", "torpor model list", context,
             [&context] { return List(context); });
  auto id = std::make_shared<std::string>();
  auto extra = std::make_shared<std::string>();
  AddCommand(*model, "get", "Shows a model.", "torpor model get latest", context,
             [=, &context] { return Get(context, *id); })
      ->add_option("model", *id, "id, unique beginning of an id, or `latest`")
      ->required();
  CLI::App* remove =
      AddCommand(*model, "delete", "Deletes a model; sessions that were made from it keep running.",
                 "torpor model delete before", context,
                 [=, &context] { return Delete(context, *id, *extra); });
  remove->add_option("model", *id, "id, unique beginning of an id, or `latest`")->required();
  remove->add_option("--etag", *extra, "only if the model is still at this version");
  CLI::App* snapshot =
      AddCommand(*model, "snapshot", "Keeps a session's present parameters as a model.",
                 "torpor model snapshot s1 --name before", context,
                 [=, &context] { return Snapshot(context, *id, *extra); });
  snapshot->add_option("session", *id, "the session")->required();
  snapshot->add_option("--name,--id", *extra, "id of the model; chosen by the server if absent");
  auto members = std::make_shared<std::vector<std::string>>();
  CLI::App* ensemble =
      AddCommand(*model, "ensemble", "Joins trained models into one that votes.",
                 "torpor model ensemble --name four plain aug1 aug2 doubles", context,
                 [=, &context] { return Ensemble(context, *members, *extra); });
  ensemble
      ->add_option("models", *members,
                   "the members; the lever copies=N keeps the first N of them switched on")
      ->required();
  ensemble->add_option("--name,--id", *extra, "id of the model; chosen by the server if absent");
  AddFileCommands(*model, context);
}

}  // namespace torpor::cli
