#include "server/store/data_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {

absl::StatusOr<std::unique_ptr<DataLock>> DataLock::Acquire(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t length = read(fd, holder, sizeof(holder) - 1);
    close(fd);
    const std::string pid =
        length > 0 ? absl::StrCat(" (process ", absl::StripAsciiWhitespace(holder), ")") : "";
    return WithHelp(
        WithReason(absl::FailedPreconditionError(absl::StrCat(
                       "the data directory ", directory, " is in use by another torpord", pid)),
                   "DATA_DIRECTORY_IN_USE"),
        "Stop that server or pass another --data-dir.");
  }
  // For people and for the message above; the lock itself is what counts.
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    close(fd);
    return absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path));
  }
  return std::unique_ptr<DataLock>(new DataLock(fd));
}

DataLock::~DataLock() { close(fd_); }

}  // namespace torpor
