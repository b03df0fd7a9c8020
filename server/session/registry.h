// All live sessions, and every change to them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/thread_pool.h"
#include "engine/network/model.h"
#include "server/session/models.h"
#include "server/session/session.h"
#include "server/session/watchers.h"
#include "server/store/blobs.h"
#include "server/store/catalogue.h"
#include "server/store/request_tag.h"
#include "torpor/v1/session.pb.h"

namespace torpor {

struct SessionOptions {
  // Samples that may wait in each session's queue.
  int queue_samples = 16384;
  // Samples a request.
  int max_samples = 4096;
  // Spreads large batches; may be null; outlives the registry.
  ThreadPool* pool = nullptr;
};

// What a job needs to know of a session, all of one moment.
struct SessionSnapshot {
  // The parameters, an archive of kind "model".
  std::string archive;
  v1::PowerMode mode;
  v1::Realisation realisation;
  v1::Network network;
};

// Thread-safe. Find and Subscribe take short locks only; all else blocks (prepares deployments,
// waits for the disk) and must not be called from a gRPC reaction. A change is durable before it is
// in force and before the call returns. Calls that carry a request id are remembered for 24 hours.
class SessionRegistry {
 public:
  // All pointers outlive the registry.
  SessionRegistry(const SessionOptions& options, Catalogue* catalogue, BlobStore* blobs,
                  ModelStore* models, ModelFactory factory);
  // Drains all sessions.
  ~SessionRegistry();

  // Brings back the sessions of the catalogue at their generation and mode, and collects blobs that
  // nothing refers to. A session that cannot be brought back stays listed by its error alone: Find
  // and Get return it; the rest go on. Call once, before anything else.
  absl::Status Recover();

  absl::StatusOr<v1::Session> Create(const v1::CreateSessionRequest& request);
  absl::StatusOr<v1::Session> Get(std::string_view name) const;
  absl::StatusOr<v1::ListSessionsResponse> List(const v1::ListSessionsRequest& request) const;
  absl::StatusOr<v1::Session> Update(const v1::UpdateSessionRequest& request);
  absl::StatusOr<v1::DeleteSessionResponse> Delete(const v1::DeleteSessionRequest& request);
  absl::StatusOr<v1::SetPowerModeResponse> SetPowerMode(const v1::SetPowerModeRequest& request);
  // Keeps a session's present parameters as a model.
  absl::StatusOr<v1::Model> SnapshotToModel(const v1::SnapshotSessionRequest& request);

  // For inference. NOT_FOUND with ResourceInfo.
  absl::StatusOr<std::shared_ptr<Session>> Find(std::string_view name) const;
  // For jobs.
  absl::StatusOr<SessionSnapshot> Snapshot(std::string_view name) const;
  // Swaps to new parameters at the present mode as one more generation. FAILED_PRECONDITION if
  // inputs or classes are others. `model_name` ("models/x") becomes the session's `model`; a
  // session that serves it already is left as it is.
  absl::StatusOr<v1::Session> InstallModel(std::string_view session, std::string_view model_name,
                                           std::string_view archive);

  // Events of one session, the first a snapshot, called from the changing thread (the first from
  // this one): the listener must be quick and must not call the registry. Returns a token for
  // Unsubscribe, after which the listener is not called again.
  absl::StatusOr<int64_t> Subscribe(std::string_view name, SessionListener listener);
  void Unsubscribe(int64_t token);

  // The server is shutting down: refuses new work everywhere (UNAVAILABLE, reason DRAINING,
  // RetryInfo) and waits for what is queued.
  void Drain();

 private:
  // A session, or why it could not be brought back.
  struct Entry {
    std::shared_ptr<Session> session;
    absl::Status error;
  };

  absl::StatusOr<std::shared_ptr<Session>> Restore(const Row& row);
  absl::StatusOr<std::unique_ptr<Model>> BuildSource(const v1::CreateSessionRequest& request);
  std::shared_ptr<Session> NewSession(std::unique_ptr<Model> model, v1::StoredSession stored,
                                      const Row& row, std::shared_ptr<const Deployment> deployment);
  absl::Status CollectOrphans(const std::vector<Row>& sessions);

  const SessionOptions options_;
  Catalogue* const catalogue_;
  BlobStore* const blobs_;
  ModelStore* const models_;
  const ModelFactory factory_;

  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> sessions_;  // by id
  Watchers watchers_;
};

}  // namespace torpor
