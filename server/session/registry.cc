#include "server/session/registry.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/session/deploy.h"
#include "server/session/draining.h"
#include "server/session/session_view.h"
#include "server/store/names.h"
#include "server/store/page.h"
#include "spdlog/spdlog.h"

namespace torpor {
namespace {

constexpr char kCollection[] = "sessions";

absl::StatusOr<v1::StoredSession> ParseStored(const Row& row) {
  v1::StoredSession stored;
  if (!stored.ParseFromString(row.value)) {
    return absl::DataLossError(
        absl::StrCat("sessions/", row.id, ": the stored message cannot be read"));
  }
  return stored;
}

}  // namespace

SessionRegistry::SessionRegistry(const SessionOptions& options, Catalogue* catalogue,
                                 BlobStore* blobs, ModelStore* models, ModelFactory factory)
    : options_(options), catalogue_(catalogue), blobs_(blobs), models_(models), factory_(factory) {}

SessionRegistry::~SessionRegistry() { Drain(); }

std::shared_ptr<Session> SessionRegistry::NewSession(std::unique_ptr<Model> model,
                                                     v1::StoredSession stored, const Row& row,
                                                     std::shared_ptr<const Deployment> deployment) {
  MicroBatcher::Options batcher;
  batcher.queue_samples = options_.queue_samples;
  batcher.pool = options_.pool;
  v1::Session view = ViewOf(row, stored, *model);
  std::shared_ptr<const Served> served = MakeServed(std::move(deployment), stored, *model);
  return std::make_shared<Session>(batcher, options_.max_samples, std::move(model),
                                   std::move(stored), std::move(view), std::move(served));
}

absl::StatusOr<std::shared_ptr<Session>> SessionRegistry::Restore(const Row& row) {
  TORPOR_ASSIGN_OR_RETURN(v1::StoredSession stored, ParseStored(row));
  TORPOR_ASSIGN_OR_RETURN(const std::string archive, blobs_->Get(stored.archive_digest()));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, ParseModel(archive, factory_));
  TORPOR_ASSIGN_OR_RETURN(
      std::shared_ptr<const Deployment> deployment,
      DeployOn(*model, stored.session().power_mode(), stored.session().realisation()));
  return NewSession(std::move(model), std::move(stored), row, std::move(deployment));
}

absl::Status SessionRegistry::Recover() {
  std::vector<Row> rows;
  for (std::string after;;) {
    TORPOR_ASSIGN_OR_RETURN(std::vector<Row> page,
                            catalogue_->List(kCollection, after, 1000, false));
    if (page.empty()) break;
    after = page.back().id;
    rows.insert(rows.end(), page.begin(), page.end());
  }
  TORPOR_RETURN_IF_ERROR(CollectOrphans(rows));
  for (const Row& row : rows) {
    absl::StatusOr<std::shared_ptr<Session>> session = Restore(row);
    Entry entry;
    if (session.ok()) {
      entry.session = *std::move(session);
    } else {
      spdlog::error("sessions/{} cannot be brought back: {}", row.id, session.status().ToString());
      entry.error = session.status();
    }
    const std::lock_guard lock(mutex_);
    sessions_[row.id] = std::move(entry);
  }
  return absl::OkStatus();
}

absl::Status SessionRegistry::CollectOrphans(const std::vector<Row>& sessions) {
  std::set<std::string> keep;
  for (const Row& row : sessions) {
    // A row that cannot be read may refer to anything: then nothing is thrown away.
    absl::StatusOr<v1::StoredSession> stored = ParseStored(row);
    if (!stored.ok()) return absl::OkStatus();
    keep.insert(stored->archive_digest());
  }
  for (v1::ListModelsRequest request;;) {
    request.set_page_size(1000);
    TORPOR_ASSIGN_OR_RETURN(const v1::ListModelsResponse page, models_->List(request));
    for (const v1::Model& model : page.models()) keep.insert(model.digest());
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  TORPOR_ASSIGN_OR_RETURN(const int removed, blobs_->CollectGarbage(keep));
  if (removed > 0) spdlog::info("removed {} blobs that nothing referred to", removed);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Session>> SessionRegistry::Find(std::string_view name) const {
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(kCollection, name, "session"));
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return NotFound("session", name);
  if (found->second.session == nullptr) return found->second.error;
  return found->second.session;
}

absl::StatusOr<v1::Session> SessionRegistry::Get(std::string_view name) const {
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(name));
  return session->View();
}

absl::StatusOr<v1::ListSessionsResponse> SessionRegistry::List(
    const v1::ListSessionsRequest& request) const {
  TORPOR_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TORPOR_ASSIGN_OR_RETURN(const std::string after, PageKey("ListSessions", request.page_token()));
  std::vector<std::shared_ptr<Session>> page;
  std::string next;
  {
    const std::lock_guard lock(mutex_);
    std::string last;
    for (auto it = sessions_.upper_bound(after); it != sessions_.end(); ++it) {
      if (it->second.session == nullptr) continue;
      if (static_cast<int>(page.size()) == size) {
        next = last;
        break;
      }
      page.push_back(it->second.session);
      last = it->first;
    }
  }
  v1::ListSessionsResponse response;
  for (const std::shared_ptr<Session>& session : page) *response.add_sessions() = session->View();
  if (!next.empty()) response.set_next_page_token(PageToken("ListSessions", next));
  return response;
}

absl::StatusOr<SessionSnapshot> SessionRegistry::Snapshot(std::string_view name) const {
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(name));
  const std::lock_guard change(session->change_mutex());
  if (session->ended()) return NotFound("session", name);
  SessionSnapshot snapshot;
  // Not from the blob store: the model in memory is what is served.
  snapshot.archive = SerializeModel(session->model());
  snapshot.mode = session->stored().session().power_mode();
  snapshot.realisation = session->stored().session().realisation();
  snapshot.network = session->model().definition();
  return snapshot;
}

absl::StatusOr<v1::Model> SessionRegistry::SnapshotToModel(
    const v1::SnapshotSessionRequest& request) {
  const RequestTag tag = TagOf("SnapshotSession", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(const std::optional<std::string> repeat, FindRepeat(catalogue_, tag));
  if (repeat.has_value()) {
    v1::Model model;
    model.ParseFromString(*repeat);
    return model;
  }
  TORPOR_ASSIGN_OR_RETURN(const SessionSnapshot snapshot, Snapshot(request.session()));
  v1::Model fields;
  fields.set_source(request.session());
  return models_->Publish(request.model_id(), snapshot.archive, fields, tag);
}

absl::StatusOr<int64_t> SessionRegistry::Subscribe(std::string_view name,
                                                   SessionListener listener) {
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(name));
  v1::SessionEvent first;
  *first.mutable_time() = ToTimestamp(absl::Now());
  *first.mutable_snapshot() = session->View();
  return watchers_.Add(session->name(), first, std::move(listener));
}

void SessionRegistry::Unsubscribe(int64_t token) { watchers_.Remove(token); }

void SessionRegistry::Drain() {
  std::vector<std::shared_ptr<Session>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : sessions_) {
      if (entry.session != nullptr) all.push_back(entry.session);
    }
  }
  for (const std::shared_ptr<Session>& session : all) session->Drain(DrainingError());
}

}  // namespace torpor
