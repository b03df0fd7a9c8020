// The few lines of SQLite that the catalogue needs, with statuses instead of codes.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace torpor {

// A prepared statement. Not thread-safe.
class SqlStatement {
 public:
  SqlStatement() = default;
  // Bindings count from 1.
  SqlStatement& Bind(int index, int64_t value);
  // The text is copied.
  SqlStatement& Bind(int index, std::string_view value);
  // True: a row is there to be read. False: done.
  absl::StatusOr<bool> Step();
  // Steps to the end and resets.
  absl::Status Execute();
  void Reset();
  // Columns count from 0.
  int64_t Int(int column) const;
  std::string Text(int column) const;

 private:
  friend class SqlDatabase;
  struct Finalizer {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

// A connection. Used by one thread at a time. A full disk is RESOURCE_EXHAUSTED with reason
// DISK_FULL, a damaged file DATA_LOSS with reason CATALOGUE_CORRUPT.
class SqlDatabase {
 public:
  static absl::StatusOr<SqlDatabase> Open(const std::string& path);
  absl::StatusOr<SqlStatement> Prepare(std::string_view sql);
  absl::Status Execute(const std::string& sql);
  // Whether a transaction is open: an error may have rolled it back already.
  bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

 private:
  struct Closer {
    void operator()(sqlite3* d) const { sqlite3_close_v2(d); }
  };
  std::unique_ptr<sqlite3, Closer> database_;
};

}  // namespace torpor
