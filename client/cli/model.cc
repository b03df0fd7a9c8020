// torpor model: networks with parameters, kept by the server.
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
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

}  // namespace

void AddModelCommands(CLI::App& root, Context& context) {
  CLI::App* model = AddNoun(root, "model", "Networks with parameters, kept by the server.",
                            "torpor model list\n"
                            "torpor model snapshot s1 --name before\n"
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
  snapshot->add_option("--name", *extra, "id of the model; chosen by the server if absent");
}

}  // namespace torpor::cli
