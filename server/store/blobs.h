// Content-addressed files: blobs/sha256/ab/abcdef...
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/file_system.h"

namespace torpor {

// Thread-safe; blocking.
class BlobStore {
 public:
  // `files` outlives the store.
  BlobStore(std::string root, FileSystem* files) : root_(std::move(root)), files_(files) {}
  // Durable when it returns. The SHA-256 in hex.
  absl::StatusOr<std::string> Put(std::string_view content);
  // NOT_FOUND, or DATA_LOSS with reason BLOB_CORRUPT when the content does not have the digest.
  absl::StatusOr<std::string> Get(std::string_view digest);
  // Removes all blobs that are not in `keep`; returns how many.
  absl::StatusOr<int> CollectGarbage(const std::set<std::string>& keep);

 private:
  std::string PathOf(std::string_view digest) const;
  std::string root_;
  FileSystem* files_;
};

}  // namespace torpor
