// The catalogue's witness: how far its commits had come, kept outside the database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace torpor {

// Sequence number and hash of a commit.
struct ChainHead {
  int64_t sequence = 0;
  std::string hash;  // hex
};

// SQLite takes a damaged or shortened write-ahead log for a shorter history, and its integrity
// check says "ok". A small file beside the database that names the last commit shows the loss. It
// is written after each commit without a sync: it survives the death of the process, and after a
// power failure it may be older than the database, never newer. Not thread-safe.
class Witness {
 public:
  static absl::StatusOr<std::unique_ptr<Witness>> Open(const std::string& path);
  ~Witness();
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  // Sequence 0 when there is none or the file was torn.
  ChainHead Read() const;
  absl::Status Write(const ChainHead& head);

 private:
  Witness(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  const int fd_;
};

}  // namespace torpor
