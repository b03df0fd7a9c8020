// The tables behind the catalogue and the statements on them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/catalogue.h"
#include "server/store/sqlite.h"
#include "server/store/witness.h"

namespace torpor {

// One connection with its prepared statements. Used by one thread at a time.
class CatalogueDb {
 public:
  // Opens, creates or upgrades the schema. FAILED_PRECONDITION with reason CATALOGUE_TOO_NEW when
  // user_version is newer.
  static absl::StatusOr<CatalogueDb> Open(const std::string& path);

  // quick_check, the digest of every row, the hash chain. Returns the head of the chain. `witness`
  // is what the head must at least have reached.
  absl::StatusOr<ChainHead> Verify(const ChainHead& witness);

  absl::StatusOr<Row> Get(std::string_view collection, std::string_view id);
  absl::StatusOr<std::vector<Row>> List(std::string_view collection, std::string_view after,
                                        int limit, bool newest_first);
  absl::StatusOr<std::optional<StoredReply>> FindReply(std::string_view principal,
                                                       std::string_view method,
                                                       std::string_view request_id, absl::Time now);

  absl::Status Begin();
  absl::Status Commit();
  // Fine without a transaction.
  void Rollback();
  // False when an error (full disk) has rolled the transaction back already.
  bool in_transaction() const { return database_.in_transaction(); }
  // Inside Begin and Commit: all writes of one transaction, its reply, and its link of the chain;
  // nothing of it on error.
  absl::StatusOr<std::vector<Row>> Apply(const Transaction& transaction, absl::Time now,
                                         ChainHead& head);
  // Inside Begin and Commit: drops replies older than 24 hours and old links of the chain.
  absl::Status Expire(absl::Time now, const ChainHead& head);

 private:
  absl::Status Prepare();
  absl::StatusOr<Row> ApplyWrite(const Write& write, absl::Time now);
  absl::StatusOr<std::vector<Row>> ApplyAll(const Transaction& transaction, absl::Time now,
                                            ChainHead& head);

  SqlDatabase database_;
  SqlStatement begin_, commit_, savepoint_, release_, undo_;
  SqlStatement get_, insert_, update_, delete_, list_, list_newest_, list_newest_after_;
  SqlStatement find_reply_, insert_reply_, expire_replies_, append_link_, expire_links_;
};

}  // namespace torpor
