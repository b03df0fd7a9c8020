// The server's durable memory: rows of small messages in SQLite.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace torpor {

// A stored resource. `value` is a serialised message; `version` counts its writes and is what etags
// show.
struct Row {
  std::string collection;  // "sessions", "models", "jobs"
  std::string id;
  std::string uid;  // chosen by the store at insertion: 128 random bits in hex
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;
  std::string value;
};

// What a mutating call with a request id did, so that a repeat gets the same answer (24 hours).
struct StoredReply {
  std::string request_digest;  // SHA-256 of the request
  std::string reply;           // serialised
};

// One write: all of it happens or none.
struct Write {
  enum class Kind { kInsert, kUpdate, kDelete };
  Kind kind;
  std::string collection;
  std::string id;
  std::string value;
  // kUpdate, kDelete: ABORTED unless the row has this version; 0: whatever.
  int64_t expected_version = 0;
};
struct Transaction {
  std::vector<Write> writes;
  // Remembered with the writes if request_id is not empty. `make_reply` is called with the rows as
  // written.
  std::string principal, method, request_id, request_digest;
  std::function<std::string(const std::vector<Row>&)> make_reply;
};

// SQLite in WAL mode with synchronous=FULL. One writer thread commits queued transactions in
// groups; each Commit returns when its transaction is durable. Thread-safe, blocking: never call it
// from a gRPC reaction. Every commit extends a hash chain whose head is also kept in the file
// `<path>-head`; Open checks both, and every row's digest: a database that was damaged or has lost
// commits is DATA_LOSS with reason CATALOGUE_CORRUPT.
class Catalogue {
 public:
  // Creates the file if absent; `path` may be ":memory:" in tests. `clock` gives the time of rows
  // and the age of replies.
  static absl::StatusOr<std::unique_ptr<Catalogue>> Open(
      const std::string& path, std::function<absl::Time()> clock = absl::Now);
  virtual ~Catalogue() = default;

  // The rows as written, in the order of writes. ALREADY_EXISTS, NOT_FOUND, ABORTED (version) name
  // collection and id.
  virtual absl::StatusOr<std::vector<Row>> Commit(Transaction transaction) = 0;
  virtual absl::StatusOr<Row> Get(std::string_view collection, std::string_view id) = 0;
  // Rows with id > after (or newest first by creation when `newest_first`, continuing after the row
  // `after`), at most `limit`.
  virtual absl::StatusOr<std::vector<Row>> List(std::string_view collection, std::string_view after,
                                                int limit, bool newest_first) = 0;
  virtual absl::StatusOr<std::optional<StoredReply>> FindReply(std::string_view principal,
                                                               std::string_view method,
                                                               std::string_view request_id) = 0;
};

// The quoted etag of a row version, and back. INVALID_ARGUMENT for other text.
std::string EtagOf(int64_t version);
absl::StatusOr<int64_t> VersionOf(std::string_view etag);  // "" gives 0

}  // namespace torpor
