#include "client/cli/part_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"

namespace torpor::cli {

PartFile::PartFile(const std::string& path)
    : path_(path), part_(absl::StrCat(path, ".", getpid(), ".part")) {}

PartFile::~PartFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  unlink(part_.c_str());
}

absl::Status PartFile::Open() {
  file_ = std::fopen(part_.c_str(), "wb");
  return file_ == nullptr ? Failure() : absl::OkStatus();
}

absl::Status PartFile::Append(absl::string_view data) {
  return std::fwrite(data.data(), 1, data.size(), file_) == data.size() ? absl::OkStatus()
                                                                        : Failure();
}

absl::Status PartFile::Finish() {
  const bool synced = std::fflush(file_) == 0 && fsync(fileno(file_)) == 0;
  const absl::Status sync_failure = synced ? absl::OkStatus() : Failure();
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  absl::Status status = sync_failure;
  if (status.ok() && (!closed || std::rename(part_.c_str(), path_.c_str()) != 0)) {
    status = Failure();
  }
  if (!status.ok()) unlink(part_.c_str());
  return status;
}

absl::Status PartFile::Failure() const {
  return UsageError(absl::StrCat("cannot be written: ", std::strerror(errno)), path_);
}

}  // namespace torpor::cli
