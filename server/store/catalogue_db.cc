#include "server/store/catalogue_db.h"

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "server/store/names.h"

namespace torpor {
namespace {

constexpr int kSchemaVersion = 1;
constexpr absl::Duration kReplyLife = absl::Hours(24);
// Links of the chain that are kept: enough to check the recent past, small enough to check at every
// start.
constexpr int64_t kLinksKept = 10000;

constexpr char kSchema[] = R"(
CREATE TABLE resources (
  collection BLOB NOT NULL, id BLOB NOT NULL, uid BLOB NOT NULL, version INTEGER NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, value BLOB NOT NULL, digest BLOB NOT NULL,
  place INTEGER NOT NULL, PRIMARY KEY (collection, id)) WITHOUT ROWID;
CREATE UNIQUE INDEX resources_by_place ON resources (collection, place);
CREATE TABLE replies (
  principal BLOB NOT NULL, method BLOB NOT NULL, request_id BLOB NOT NULL, digest BLOB NOT NULL,
  reply BLOB NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (principal, method, request_id)) WITHOUT ROWID;
CREATE INDEX replies_by_time ON replies (created);
CREATE TABLE chain (sequence INTEGER PRIMARY KEY, writes BLOB NOT NULL, hash BLOB NOT NULL);
)";

constexpr char kColumns[] = "collection, id, uid, version, created, updated, value";

// Ties a row's content to its key, so that rows cannot be swapped or altered unseen.
std::string RowDigest(const Row& row) {
  return Sha256Hex(
      absl::StrCat(row.collection, "/", row.id, "\n", row.uid, "\n", row.version, "\n", row.value));
}

std::string LinkHash(std::string_view previous, int64_t sequence, std::string_view writes) {
  return Sha256Hex(absl::StrCat(std::string(previous), "\n", sequence, "\n", std::string(writes)));
}

Row ReadRow(const SqlStatement& statement) {
  Row row;
  row.collection = statement.Text(0);
  row.id = statement.Text(1);
  row.uid = statement.Text(2);
  row.version = statement.Int(3);
  row.create_time = absl::FromUnixMicros(statement.Int(4));
  row.update_time = absl::FromUnixMicros(statement.Int(5));
  row.value = statement.Text(6);
  return row;
}

absl::Status Corrupt(std::string message) {
  return WithHelp(
      WithReason(absl::DataLossError(absl::StrCat("catalogue: ", message)), "CATALOGUE_CORRUPT"),
      "Restore the data directory from a copy; removing the file 'catalogue.db-head' accepts the "
      "loss of commits that the database no longer has.");
}

}  // namespace

absl::StatusOr<CatalogueDb> CatalogueDb::Open(const std::string& path) {
  CatalogueDb db;
  TORPOR_ASSIGN_OR_RETURN(db.database_, SqlDatabase::Open(path));
  TORPOR_RETURN_IF_ERROR(db.database_.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"));
  TORPOR_ASSIGN_OR_RETURN(SqlStatement version, db.database_.Prepare("PRAGMA user_version"));
  TORPOR_RETURN_IF_ERROR(version.Step().status());
  const int64_t found = version.Int(0);
  version.Reset();
  if (found > kSchemaVersion) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("the catalogue ", path, " has schema ", found,
                                                   "; this torpord knows up to ", kSchemaVersion)),
        "CATALOGUE_TOO_NEW");
  }
  if (found == 0) {
    TORPOR_RETURN_IF_ERROR(db.database_.Execute(absl::StrCat(
        "BEGIN IMMEDIATE;", kSchema, "PRAGMA user_version=", kSchemaVersion, ";COMMIT;")));
  }
  TORPOR_RETURN_IF_ERROR(db.Prepare());
  return db;
}

absl::Status CatalogueDb::Prepare() {
  const std::string select =
      absl::StrCat("SELECT ", kColumns, " FROM resources WHERE collection = ?1 ");
  const std::pair<SqlStatement*, std::string> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&savepoint_, "SAVEPOINT one"},
      {&release_, "RELEASE one"},
      {&undo_, "ROLLBACK TO one"},
      {&get_, select + "AND id = ?2"},
      {&insert_,
       "INSERT INTO resources (collection, id, uid, version, created, updated, value, digest, "
       "place) VALUES "
       "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
       "(SELECT ifnull(max(place), 0) + 1 FROM resources WHERE collection = ?1))"},
      {&update_,
       "UPDATE resources SET version = ?3, updated = ?4, value = ?5, digest = ?6 "
       "WHERE collection = ?1 AND id = ?2"},
      {&delete_, "DELETE FROM resources WHERE collection = ?1 AND id = ?2"},
      {&list_, select + "AND id > ?2 ORDER BY id LIMIT ?3"},
      {&list_newest_, select + "ORDER BY place DESC LIMIT ?2"},
      {&list_newest_after_, select + "AND place < (SELECT place FROM resources WHERE collection = "
                                     "?1 AND id = ?2) ORDER BY place DESC LIMIT ?3"},
      {&find_reply_,
       "SELECT digest, reply FROM replies WHERE principal = ?1 AND method = ?2 AND request_id = ?3 "
       "AND created > ?4"},
      {&insert_reply_,
       "INSERT INTO replies (principal, method, request_id, digest, reply, created) VALUES (?1, "
       "?2, ?3, ?4, ?5, ?6)"},
      {&expire_replies_, "DELETE FROM replies WHERE created <= ?1"},
      {&append_link_, "INSERT INTO chain (sequence, writes, hash) VALUES (?1, ?2, ?3)"},
      {&expire_links_, "DELETE FROM chain WHERE sequence < ?1"},
  };
  for (const auto& [statement, sql] : statements) {
    TORPOR_ASSIGN_OR_RETURN(*statement, database_.Prepare(sql));
  }
  return absl::OkStatus();
}

absl::StatusOr<ChainHead> CatalogueDb::Verify(const ChainHead& witness) {
  TORPOR_ASSIGN_OR_RETURN(SqlStatement check, database_.Prepare("PRAGMA quick_check(1)"));
  TORPOR_RETURN_IF_ERROR(check.Step().status());
  if (const std::string answer = check.Text(0); answer != "ok") return Corrupt(answer);
  check.Reset();

  TORPOR_ASSIGN_OR_RETURN(SqlStatement rows, database_.Prepare(absl::StrCat(
                                                 "SELECT ", kColumns, ", digest FROM resources")));
  for (;;) {
    TORPOR_ASSIGN_OR_RETURN(const bool more, rows.Step());
    if (!more) break;
    const Row row = ReadRow(rows);
    if (RowDigest(row) != rows.Text(7)) {
      return Corrupt(absl::StrCat("the row ", row.collection, "/", row.id, " is damaged"));
    }
  }

  ChainHead head;
  bool witnessed = witness.sequence == 0;
  TORPOR_ASSIGN_OR_RETURN(
      SqlStatement links,
      database_.Prepare("SELECT sequence, writes, hash FROM chain ORDER BY sequence"));
  for (;;) {
    TORPOR_ASSIGN_OR_RETURN(const bool more, links.Step());
    if (!more) break;
    const ChainHead link{links.Int(0), links.Text(2)};
    // The first link that is kept is taken at its word; all others follow from it.
    const bool follows =
        head.sequence == 0 || (link.sequence == head.sequence + 1 &&
                               link.hash == LinkHash(head.hash, link.sequence, links.Text(1)));
    if (!follows) return Corrupt(absl::StrCat("the chain of commits breaks at ", link.sequence));
    if (link.sequence == witness.sequence) {
      if (link.hash != witness.hash) {
        return Corrupt(
            absl::StrCat("commit ", link.sequence, " is not the one that was acknowledged"));
      }
      witnessed = true;
    }
    head = link;
  }
  if (!witnessed && head.sequence < witness.sequence) {
    return Corrupt(absl::StrCat("acknowledged commits are missing: ", witness.sequence,
                                " were made, ", head.sequence, " are there"));
  }
  return head;
}

absl::StatusOr<Row> CatalogueDb::Get(std::string_view collection, std::string_view id) {
  TORPOR_ASSIGN_OR_RETURN(const bool found, get_.Bind(1, collection).Bind(2, id).Step());
  if (!found) {
    get_.Reset();
    return NotFound(collection, NameOf(collection, id));
  }
  Row row = ReadRow(get_);
  get_.Reset();
  return row;
}

absl::StatusOr<std::vector<Row>> CatalogueDb::List(std::string_view collection,
                                                   std::string_view after, int limit,
                                                   bool newest_first) {
  SqlStatement& statement = !newest_first   ? list_
                            : after.empty() ? list_newest_
                                            : list_newest_after_;
  statement.Bind(1, collection);
  if (&statement == &list_newest_) {
    statement.Bind(2, int64_t{limit});
  } else {
    statement.Bind(2, after).Bind(3, int64_t{limit});
  }
  std::vector<Row> rows;
  for (;;) {
    TORPOR_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) break;
    rows.push_back(ReadRow(statement));
  }
  statement.Reset();
  return rows;
}

absl::StatusOr<std::optional<StoredReply>> CatalogueDb::FindReply(std::string_view principal,
                                                                  std::string_view method,
                                                                  std::string_view request_id,
                                                                  absl::Time now) {
  find_reply_.Bind(1, principal).Bind(2, method).Bind(3, request_id);
  TORPOR_ASSIGN_OR_RETURN(const bool found,
                          find_reply_.Bind(4, absl::ToUnixMicros(now - kReplyLife)).Step());
  std::optional<StoredReply> reply;
  if (found) reply = StoredReply{find_reply_.Text(0), find_reply_.Text(1)};
  find_reply_.Reset();
  return reply;
}

absl::Status CatalogueDb::Begin() { return begin_.Execute(); }

absl::Status CatalogueDb::Commit() { return commit_.Execute(); }

void CatalogueDb::Rollback() {
  if (database_.in_transaction()) (void)database_.Execute("ROLLBACK");
}

absl::StatusOr<Row> CatalogueDb::ApplyWrite(const Write& write, absl::Time now) {
  absl::StatusOr<Row> old = Get(write.collection, write.id);
  if (!old.ok() && !absl::IsNotFound(old.status())) return old.status();
  const std::string name = NameOf(write.collection, write.id);
  if (write.kind == Write::Kind::kInsert) {
    if (old.ok())
      return WithReason(absl::AlreadyExistsError(absl::StrCat(name, " exists")), "ALREADY_EXISTS");
    // Whole microseconds, as they are stored.
    const absl::Time stored = absl::FromUnixMicros(absl::ToUnixMicros(now));
    const Row row{write.collection, write.id, RandomUid(), 1, stored, stored, write.value};
    insert_.Bind(1, row.collection).Bind(2, row.id).Bind(3, row.uid).Bind(4, row.version);
    insert_.Bind(5, absl::ToUnixMicros(now)).Bind(6, absl::ToUnixMicros(now)).Bind(7, row.value);
    TORPOR_RETURN_IF_ERROR(insert_.Bind(8, RowDigest(row)).Execute());
    return row;
  }
  if (!old.ok()) return old.status();
  if (write.expected_version != 0 && write.expected_version != old->version) {
    return WithReason(absl::AbortedError(absl::StrCat(name, " was changed meanwhile: it has etag ",
                                                      EtagOf(old->version), ", the request ",
                                                      EtagOf(write.expected_version))),
                      "ETAG_MISMATCH");
  }
  if (write.kind == Write::Kind::kDelete) {
    TORPOR_RETURN_IF_ERROR(delete_.Bind(1, write.collection).Bind(2, write.id).Execute());
    return old;
  }
  Row row = *std::move(old);
  row.value = write.value;
  row.version += 1;
  row.update_time = absl::FromUnixMicros(absl::ToUnixMicros(now));
  update_.Bind(1, row.collection)
      .Bind(2, row.id)
      .Bind(3, row.version)
      .Bind(4, absl::ToUnixMicros(now));
  TORPOR_RETURN_IF_ERROR(update_.Bind(5, row.value).Bind(6, RowDigest(row)).Execute());
  return row;
}

absl::StatusOr<std::vector<Row>> CatalogueDb::ApplyAll(const Transaction& transaction,
                                                       absl::Time now, ChainHead& head) {
  Sha256 digest;
  std::vector<Row> rows;
  for (const Write& write : transaction.writes) {
    TORPOR_ASSIGN_OR_RETURN(Row row, ApplyWrite(write, now));
    digest.Update(absl::StrCat(static_cast<int>(write.kind), " ", RowDigest(row), "\n"));
    rows.push_back(std::move(row));
  }
  if (!transaction.request_id.empty()) {
    TORPOR_ASSIGN_OR_RETURN(
        const std::optional<StoredReply> earlier,
        FindReply(transaction.principal, transaction.method, transaction.request_id, now));
    if (earlier.has_value()) {
      return WithRetry(
          WithReason(absl::AbortedError(
                         "the same request id was used by a call that ran at the same time"),
                     "REQUEST_ID_BUSY"),
          absl::Milliseconds(10));
    }
    const std::string reply = transaction.make_reply ? transaction.make_reply(rows) : std::string();
    insert_reply_.Bind(1, transaction.principal)
        .Bind(2, transaction.method)
        .Bind(3, transaction.request_id);
    insert_reply_.Bind(4, transaction.request_digest).Bind(5, reply);
    TORPOR_RETURN_IF_ERROR(insert_reply_.Bind(6, absl::ToUnixMicros(now)).Execute());
    digest.Update(absl::StrCat("reply ", Sha256Hex(reply), "\n"));
  }
  const std::string writes = digest.FinishHex();
  ChainHead next{head.sequence + 1, LinkHash(head.hash, head.sequence + 1, writes)};
  TORPOR_RETURN_IF_ERROR(
      append_link_.Bind(1, next.sequence).Bind(2, writes).Bind(3, next.hash).Execute());
  head = std::move(next);
  return rows;
}

absl::StatusOr<std::vector<Row>> CatalogueDb::Apply(const Transaction& transaction, absl::Time now,
                                                    ChainHead& head) {
  TORPOR_RETURN_IF_ERROR(savepoint_.Execute());
  const ChainHead before = head;
  absl::StatusOr<std::vector<Row>> rows = ApplyAll(transaction, now, head);
  if (!rows.ok()) {
    head = before;
    // A serious error (full disk) has rolled everything back already; then there is no savepoint
    // left.
    if (database_.in_transaction()) TORPOR_RETURN_IF_ERROR(undo_.Execute());
  }
  if (database_.in_transaction()) TORPOR_RETURN_IF_ERROR(release_.Execute());
  return rows;
}

absl::Status CatalogueDb::Expire(absl::Time now, const ChainHead& head) {
  TORPOR_RETURN_IF_ERROR(expire_replies_.Bind(1, absl::ToUnixMicros(now - kReplyLife)).Execute());
  return expire_links_.Bind(1, head.sequence - kLinksKept).Execute();
}

}  // namespace torpor
