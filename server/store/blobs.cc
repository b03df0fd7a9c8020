#include "server/store/blobs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string BlobStore::PathOf(std::string_view digest) const {
  return root_ + "/sha256/" + std::string(digest.substr(0, 2)) + "/" + std::string(digest);
}

absl::StatusOr<std::string> BlobStore::Put(std::string_view content) {
  const std::string digest = Sha256Hex(content);
  const std::string path = PathOf(digest);
  TORPOR_ASSIGN_OR_RETURN(const bool exists, files_->Exists(path));
  if (exists) {
    // A blob that rotted on the disk is written again rather than trusted.
    absl::StatusOr<std::string> old = files_->Read(path);
    if (old.ok() && *old == content) return digest;
  }
  TORPOR_RETURN_IF_ERROR(
      files_->CreateDirectories(absl::StrCat(root_, "/sha256/", digest.substr(0, 2))));
  TORPOR_RETURN_IF_ERROR(files_->WriteAtomically(path, content));
  return digest;
}

absl::StatusOr<std::string> BlobStore::Get(std::string_view digest) {
  if (!IsDigest(digest)) return NotFound("blob", digest.substr(0, 80));
  absl::StatusOr<std::string> content = files_->Read(PathOf(digest));
  if (absl::IsNotFound(content.status())) return NotFound("blob", digest);
  if (!content.ok()) return content.status();
  if (const std::string found = Sha256Hex(*content); found != digest) {
    return WithReason(absl::DataLossError(absl::StrCat(
                          "blob ", PathOf(digest), " is damaged: its content has SHA-256 ", found)),
                      "BLOB_CORRUPT");
  }
  return content;
}

absl::StatusOr<int> BlobStore::CollectGarbage(const std::set<std::string>& keep) {
  const std::string top = absl::StrCat(root_, "/sha256");
  TORPOR_ASSIGN_OR_RETURN(const bool exists, files_->Exists(top));
  if (!exists) return 0;
  int removed = 0;
  TORPOR_ASSIGN_OR_RETURN(const std::vector<std::string> folders, files_->List(top));
  for (const std::string& folder : folders) {
    const std::string path = absl::StrCat(top, "/", folder);
    TORPOR_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_->List(path));
    for (const std::string& name : names) {
      // Whatever is not a blob that somebody refers to is an orphan, also temporaries of a write
      // that a crash cut short.
      if (keep.contains(name)) continue;
      TORPOR_RETURN_IF_ERROR(files_->Remove(absl::StrCat(path, "/", name)));
      ++removed;
    }
  }
  return removed;
}

}  // namespace torpor
