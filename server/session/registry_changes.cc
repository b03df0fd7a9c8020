// The calls of SessionRegistry that change a session.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/levers.h"
#include "server/session/deploy.h"
#include "server/session/registry.h"
#include "server/session/session_view.h"
#include "server/store/names.h"

namespace torpor {
namespace {

constexpr char kCollection[] = "sessions";

// The stored answer of an earlier call with this tag.
template <class Reply>
absl::StatusOr<std::optional<Reply>> Repeated(Catalogue* catalogue, const RequestTag& tag) {
  TORPOR_ASSIGN_OR_RETURN(const std::optional<std::string> stored, FindRepeat(catalogue, tag));
  if (!stored.has_value()) return std::optional<Reply>();
  Reply reply;
  if (!reply.ParseFromString(*stored)) return absl::DataLossError("a stored reply cannot be read");
  return std::optional<Reply>(std::move(reply));
}

// Deploys; errors name fields of the mode under `mode_path` and of the realisation under
// "realisation.".
absl::StatusOr<std::shared_ptr<const Deployment>> Deploy(const Model& model,
                                                         const v1::PowerMode& mode,
                                                         const v1::Realisation& realisation,
                                                         std::string_view mode_path) {
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(model.CheckHardware(realisation), "realisation."));
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(model.levers().Check(mode), mode_path));
  absl::StatusOr<std::shared_ptr<const Deployment>> deployment = DeployOn(model, mode, realisation);
  if (!deployment.ok()) return WithFieldPrefix(deployment.status(), mode_path);
  return deployment;
}

v1::SessionEvent ModeChangedEvent(const v1::Session& session, bool with_model) {
  v1::SessionEvent event;
  *event.mutable_time() = ToTimestamp(absl::Now());
  event.mutable_mode_changed()->set_generation(session.generation());
  *event.mutable_mode_changed()->mutable_power_mode() = session.power_mode();
  if (with_model) event.mutable_mode_changed()->set_model(session.model());
  return event;
}

v1::SessionEvent SnapshotEvent(const v1::Session& session) {
  v1::SessionEvent event;
  *event.mutable_time() = ToTimestamp(absl::Now());
  *event.mutable_snapshot() = session;
  return event;
}

// An etag that is set must match now; the catalogue looks again when it writes.
absl::StatusOr<int64_t> CheckEtag(std::string_view etag, const Session& session) {
  TORPOR_ASSIGN_OR_RETURN(const int64_t wanted, VersionOf(etag));
  const std::string present = session.View().etag();
  if (wanted != 0 && EtagOf(wanted) != present) {
    return WithReason(
        absl::AbortedError(absl::StrCat(session.name(), " was changed meanwhile: it has etag ",
                                        present, ", the request ", EtagOf(wanted))),
        "ETAG_MISMATCH");
  }
  return wanted;
}

Write UpdateOf(std::string id, const v1::StoredSession& stored, int64_t expected_version) {
  return {Write::Kind::kUpdate, kCollection, std::move(id), stored.SerializeAsString(),
          expected_version};
}

std::vector<std::string> PathsOf(const google::protobuf::FieldMask& mask) {
  return {mask.paths().begin(), mask.paths().end()};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> SessionRegistry::BuildSource(
    const v1::CreateSessionRequest& request) {
  switch (request.source_case()) {
    case v1::CreateSessionRequest::kNetwork: {
      absl::StatusOr<std::unique_ptr<Model>> model = factory_(request.network(), request.seed());
      if (!model.ok()) return WithFieldPrefix(model.status(), "network.");
      return model;
    }
    case v1::CreateSessionRequest::kModel: {
      TORPOR_RETURN_IF_ERROR(IdOf("models", request.model(), "model").status());
      TORPOR_ASSIGN_OR_RETURN(const std::string archive, models_->ReadArchive(request.model()));
      return ParseModel(archive, factory_);
    }
    default:
      return FieldError("source", "must be set: network or model");
  }
}

absl::StatusOr<v1::Session> SessionRegistry::Create(const v1::CreateSessionRequest& request) {
  const RequestTag tag = TagOf("CreateSession", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(std::optional<v1::Session> repeat,
                          Repeated<v1::Session>(catalogue_, tag));
  if (repeat.has_value()) return *std::move(repeat);

  const std::string id = request.session_id().empty() ? RandomId("session") : request.session_id();
  TORPOR_RETURN_IF_ERROR(CheckId("session_id", id));
  v1::StoredSession stored;
  v1::Session& session = *stored.mutable_session();
  session.set_display_name(request.display_name());
  *session.mutable_labels() = request.labels();
  TORPOR_RETURN_IF_ERROR(CheckTexts(session, ""));
  session.set_model(request.model());
  session.set_seed(request.seed());
  session.set_generation(1);
  *session.mutable_power_mode() = request.power_mode();
  *session.mutable_realisation() = request.realisation();

  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, BuildSource(request));
  *session.mutable_network() = model->definition();
  TORPOR_ASSIGN_OR_RETURN(
      std::shared_ptr<const Deployment> deployment,
      Deploy(*model, request.power_mode(), request.realisation(), "power_mode."));
  // The blob is durable before the row refers to it.
  TORPOR_ASSIGN_OR_RETURN(*stored.mutable_archive_digest(), blobs_->Put(SerializeModel(*model)));

  Transaction transaction;
  transaction.writes.push_back({Write::Kind::kInsert, kCollection, id, stored.SerializeAsString()});
  Remember(tag, transaction);
  transaction.make_reply = [&](const std::vector<Row>& rows) {
    return ViewOf(rows[0], stored, *model).SerializeAsString();
  };
  TORPOR_ASSIGN_OR_RETURN(const std::vector<Row> rows, catalogue_->Commit(std::move(transaction)));
  std::shared_ptr<Session> live =
      NewSession(std::move(model), std::move(stored), rows[0], std::move(deployment));
  {
    const std::lock_guard lock(mutex_);
    sessions_[id] = Entry{live, absl::OkStatus()};
  }
  return live->View();
}

absl::StatusOr<v1::Session> SessionRegistry::Update(const v1::UpdateSessionRequest& request) {
  const RequestTag tag = TagOf("UpdateSession", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(std::optional<v1::Session> repeat,
                          Repeated<v1::Session>(catalogue_, tag));
  if (repeat.has_value()) return *std::move(repeat);
  TORPOR_ASSIGN_OR_RETURN(const std::string id,
                          IdOf(kCollection, request.session().name(), "session.name"));
  TORPOR_RETURN_IF_ERROR(CheckTexts(request.session(), "session."));
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(request.session().name()));

  const std::lock_guard change(session->change_mutex());
  if (session->ended()) return NotFound("session", session->name());
  TORPOR_ASSIGN_OR_RETURN(const int64_t version, CheckEtag(request.session().etag(), *session));
  v1::StoredSession stored = session->stored();
  v1::Session& next = *stored.mutable_session();
  std::vector<std::string> paths = PathsOf(request.update_mask());
  if (paths.empty()) paths = {"display_name", "labels", "realisation"};
  std::shared_ptr<const Served> served;
  for (const std::string& path : paths) {
    if (path == "display_name") {
      next.set_display_name(request.session().display_name());
    } else if (path == "labels") {
      *next.mutable_labels() = request.session().labels();
    } else if (path == "realisation") {
      *next.mutable_realisation() = request.session().realisation();
    } else {
      return FieldError("update_mask",
                        absl::StrCat("may name display_name, labels and realisation, got '",
                                     path.substr(0, 63), "'"));
    }
  }
  const v1::Session& before = session->stored().session();
  if (next.realisation().SerializeAsString() != before.realisation().SerializeAsString()) {
    // Other hardware answers differently: one more generation.
    absl::StatusOr<std::shared_ptr<const Deployment>> deployment =
        Deploy(session->model(), next.power_mode(), next.realisation(), "session.power_mode.");
    if (!deployment.ok()) return deployment.status();
    next.set_generation(next.generation() + 1);
    served = MakeServed(*std::move(deployment), stored, session->model());
  }
  Transaction transaction;
  transaction.writes.push_back(UpdateOf(id, stored, version));
  Remember(tag, transaction);
  transaction.make_reply = [&](const std::vector<Row>& rows) {
    return ViewOf(rows[0], stored, session->model()).SerializeAsString();
  };
  TORPOR_ASSIGN_OR_RETURN(const std::vector<Row> rows, catalogue_->Commit(std::move(transaction)));
  const bool new_generation = served != nullptr;
  session->Apply(stored, ViewOf(rows[0], stored, session->model()), std::move(served), nullptr);
  v1::Session view = session->View();
  if (new_generation) watchers_.Notify(session->name(), ModeChangedEvent(view, false));
  watchers_.Notify(session->name(), SnapshotEvent(view));
  return view;
}

absl::StatusOr<v1::DeleteSessionResponse> SessionRegistry::Delete(
    const v1::DeleteSessionRequest& request) {
  const RequestTag tag = TagOf("DeleteSession", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(std::optional<v1::DeleteSessionResponse> repeat,
                          Repeated<v1::DeleteSessionResponse>(catalogue_, tag));
  if (repeat.has_value()) return *std::move(repeat);
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(kCollection, request.name(), "name"));
  TORPOR_ASSIGN_OR_RETURN(const int64_t version, VersionOf(request.etag()));
  Transaction transaction;
  transaction.writes.push_back({Write::Kind::kDelete, kCollection, id, "", version});
  Remember(tag, transaction);

  // A session that could not be brought back has a row alone.
  std::shared_ptr<Session> session;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return NotFound("session", request.name());
    session = found->second.session;
  }
  std::unique_lock<std::mutex> change;
  if (session != nullptr) {
    change = std::unique_lock(session->change_mutex());
    if (session->ended()) return NotFound("session", request.name());
  }
  TORPOR_RETURN_IF_ERROR(catalogue_->Commit(std::move(transaction)).status());
  {
    const std::lock_guard lock(mutex_);
    sessions_.erase(id);
  }
  if (session != nullptr) {
    session->MarkEnded();
    session->Drain(WithReason(NotFound("session", session->name()), "SESSION_ENDED"));
    v1::SessionEvent event;
    *event.mutable_time() = ToTimestamp(absl::Now());
    event.mutable_deleted();
    watchers_.Notify(session->name(), event);
  }
  return v1::DeleteSessionResponse();
}

absl::StatusOr<v1::SetPowerModeResponse> SessionRegistry::SetPowerMode(
    const v1::SetPowerModeRequest& request) {
  const RequestTag tag = TagOf("SetPowerMode", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(std::optional<v1::SetPowerModeResponse> repeat,
                          Repeated<v1::SetPowerModeResponse>(catalogue_, tag));
  if (repeat.has_value()) return *std::move(repeat);
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(kCollection, request.session(), "session"));
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(request.session()));

  const std::lock_guard change(session->change_mutex());
  if (session->ended()) return NotFound("session", session->name());
  TORPOR_ASSIGN_OR_RETURN(const int64_t version, CheckEtag(request.etag(), *session));
  v1::StoredSession stored = session->stored();
  v1::Session& next = *stored.mutable_session();
  if (request.update_mask().paths().empty()) {
    *next.mutable_power_mode() = request.power_mode();
  } else {
    TORPOR_ASSIGN_OR_RETURN(
        *next.mutable_power_mode(),
        MergeModes(next.power_mode(), request.power_mode(), PathsOf(request.update_mask())));
  }
  const absl::Time start = absl::Now();
  TORPOR_ASSIGN_OR_RETURN(
      std::shared_ptr<const Deployment> deployment,
      Deploy(session->model(), next.power_mode(), next.realisation(), "power_mode."));
  v1::SetPowerModeResponse response;
  *response.mutable_prepare_time() = ToDuration(absl::Now() - start);
  const Recorder record = session->model().FullPowerRecord();
  if (const double full = session->model().FullPower(next.realisation());
      record.samples > 0 && full > 0) {
    response.set_predicted_nasp_nominal(deployment->NominalSynapticPower(record) / full);
  }
  if (request.validate_only()) {
    *response.mutable_session() = session->View();
    return response;
  }
  next.set_generation(next.generation() + 1);
  std::shared_ptr<const Served> served =
      MakeServed(std::move(deployment), stored, session->model());

  Transaction transaction;
  transaction.writes.push_back(UpdateOf(id, stored, version));
  Remember(tag, transaction);
  // A repeat gets this answer; only the time of the swap, which comes later, is not in it.
  transaction.make_reply = [&](const std::vector<Row>& rows) {
    *response.mutable_session() = ViewOf(rows[0], stored, session->model());
    return response.SerializeAsString();
  };
  TORPOR_ASSIGN_OR_RETURN(const std::vector<Row> rows, catalogue_->Commit(std::move(transaction)));
  v1::Session view = ViewOf(rows[0], stored, session->model());
  const absl::Time swap = absl::Now();
  session->Apply(std::move(stored), std::move(view), std::move(served), nullptr);
  *response.mutable_swap_time() = ToDuration(absl::Now() - swap);
  *response.mutable_session() = session->View();
  watchers_.Notify(session->name(), ModeChangedEvent(response.session(), false));
  return response;
}

absl::StatusOr<v1::Session> SessionRegistry::InstallModel(std::string_view session_name,
                                                          std::string_view model_name,
                                                          std::string_view archive) {
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(kCollection, session_name, "session"));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, ParseModel(archive, factory_));
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(session_name));

  const std::lock_guard change(session->change_mutex());
  if (session->ended()) return NotFound("session", session_name);
  v1::StoredSession stored = session->stored();
  v1::Session& next = *stored.mutable_session();
  if (next.model() == model_name) return session->View();
  if (model->features() != session->model().features() ||
      model->classes() != session->model().classes()) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          std::string(model_name), " has ", model->features(), " inputs and ",
                          model->classes(), " classes, the session has ",
                          session->model().features(), " and ", session->model().classes())),
                      "MODEL_DOES_NOT_FIT");
  }
  TORPOR_ASSIGN_OR_RETURN(std::shared_ptr<const Deployment> deployment,
                          Deploy(*model, next.power_mode(), next.realisation(), "power_mode."));
  TORPOR_ASSIGN_OR_RETURN(*stored.mutable_archive_digest(), blobs_->Put(archive));
  next.set_model(std::string(model_name));
  *next.mutable_network() = model->definition();
  next.set_generation(next.generation() + 1);
  std::shared_ptr<const Served> served = MakeServed(std::move(deployment), stored, *model);

  Transaction transaction;
  transaction.writes.push_back(UpdateOf(id, stored, 0));
  TORPOR_ASSIGN_OR_RETURN(const std::vector<Row> rows, catalogue_->Commit(std::move(transaction)));
  v1::Session view = ViewOf(rows[0], stored, *model);
  session->Apply(std::move(stored), std::move(view), std::move(served), std::move(model));
  v1::Session result = session->View();
  watchers_.Notify(session->name(), ModeChangedEvent(result, true));
  return result;
}

}  // namespace torpor
