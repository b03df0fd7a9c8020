#include "server/store/sqlite.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

absl::Status StatusOf(sqlite3* database, int code) {
  const int extended = sqlite3_extended_errcode(database);
  // After a failed fsync the kernel may have dropped the pages: neither memory nor disk can be
  // trusted, and trying again would report success for lost data.
  TORPOR_CHECK(extended != SQLITE_IOERR_FSYNC && extended != SQLITE_IOERR_DIR_FSYNC);
  const std::string message = absl::StrCat("catalogue: ", sqlite3_errmsg(database));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return WithReason(absl::ResourceExhaustedError(message), "DISK_FULL");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return WithReason(absl::DataLossError(message), "CATALOGUE_CORRUPT");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message);
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace

SqlStatement& SqlStatement::Bind(int index, int64_t value) {
  TORPOR_CHECK(sqlite3_bind_int64(statement_.get(), index, value) == SQLITE_OK);
  return *this;
}

SqlStatement& SqlStatement::Bind(int index, std::string_view value) {
  // Blob binding keeps arbitrary bytes; an empty one must not become NULL.
  const char* data = value.empty() ? "" : value.data();
  TORPOR_CHECK(sqlite3_bind_blob64(statement_.get(), index, data, value.size(), SQLITE_TRANSIENT) ==
               SQLITE_OK);
  return *this;
}

absl::StatusOr<bool> SqlStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  absl::Status status = StatusOf(sqlite3_db_handle(statement_.get()), code);
  Reset();
  return status;
}

absl::Status SqlStatement::Execute() {
  bool more = true;
  while (more) {
    TORPOR_ASSIGN_OR_RETURN(more, Step());
  }
  Reset();
  return absl::OkStatus();
}

void SqlStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

int64_t SqlStatement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string SqlStatement::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

absl::StatusOr<SqlDatabase> SqlDatabase::Open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqlDatabase database;
  database.database_.reset(raw);
  if (code != SQLITE_OK) {
    return absl::UnavailableError(
        absl::StrCat("cannot open the catalogue ", path, ": ",
                     raw == nullptr ? "out of memory" : sqlite3_errmsg(raw)));
  }
  sqlite3_extended_result_codes(raw, 0);
  sqlite3_busy_timeout(raw, 5000);
  return database;
}

absl::StatusOr<SqlStatement> SqlDatabase::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return StatusOf(database_.get(), code);
  SqlStatement statement;
  statement.statement_.reset(raw);
  return statement;
}

absl::Status SqlDatabase::Execute(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : StatusOf(database_.get(), code);
}

}  // namespace torpor
