#include "server/store/witness.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/digest.h"

namespace torpor {

absl::StatusOr<std::unique_ptr<Witness>> Witness::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  return std::unique_ptr<Witness>(new Witness(path, fd));
}

Witness::~Witness() { close(fd_); }

ChainHead Witness::Read() const {
  char text[256] = {};
  const ssize_t length = pread(fd_, text, sizeof(text) - 1, 0);
  if (length <= 0) return {};
  int64_t sequence = 0;
  char hash[65] = {};
  uint32_t checksum = 0;
  if (std::sscanf(text, "%" SCNd64 " %64s %8" SCNx32, &sequence, hash, &checksum) != 3 ||
      Crc32c(absl::StrCat(sequence, " ", hash)) != checksum) {
    return {};
  }
  return {sequence, hash};
}

absl::Status Witness::Write(const ChainHead& head) {
  const std::string body = absl::StrCat(head.sequence, " ", head.hash);
  // The number has a fixed width at the end of the line; sequences only grow, so no old bytes stay
  // behind.
  const std::string line = absl::StrFormat("%s %08x\n", body, Crc32c(body));
  if (pwrite(fd_, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path_));
  }
  return absl::OkStatus();
}

}  // namespace torpor
