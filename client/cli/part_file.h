// Files on the user's disk that are written whole or not at all.
#pragma once

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace torpor::cli {

// A file that appears under its name only when it is whole: written to a neighbour, then renamed.
// What is not finished is removed. Errors are usage errors at the path. Not thread-safe.
class PartFile {
 public:
  explicit PartFile(const std::string& path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  absl::Status Open();
  absl::Status Append(absl::string_view data);
  // On the disk and under its name.
  absl::Status Finish();

 private:
  absl::Status Failure() const;

  const std::string path_, part_;
  FILE* file_ = nullptr;
};

}  // namespace torpor::cli
