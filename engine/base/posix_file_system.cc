// FileSystem over POSIX calls.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "engine/base/file_system.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

absl::Status ErrnoStatus(const char* what, const std::string& path, int error) {
  const std::string message =
      absl::StrCat("cannot ", what, " ", path, ": ", std::generic_category().message(error));
  if (error == ENOSPC || error == EDQUOT) {
    return WithHelp(
        WithReason(absl::ResourceExhaustedError(message), "DISK_FULL", {{"path", path}}),
        "Free some space on the disk that holds this path, then repeat.");
  }
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path));
}

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // Some file systems report a failed write only here.
  int Close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

int OpenRetrying(const std::string& path, int flags, mode_t mode = 0644) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// 0 or an errno.
int WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    data.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

absl::Status SyncFolder(const std::string& folder) {
  Descriptor fd(OpenRetrying(folder, O_RDONLY | O_DIRECTORY));
  if (fd.get() < 0) return ErrnoStatus("open folder", folder, errno);
  // Some file systems cannot sync folders and say EINVAL: they have no more to offer.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return ErrnoStatus("sync folder", folder, errno);
  return absl::OkStatus();
}

class PosixAppendFile : public AppendFile {
 public:
  PosixAppendFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  absl::Status Append(std::string_view data) override {
    if (const int error = WriteAll(fd_.get(), data)) return ErrnoStatus("append to", path_, error);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (::fdatasync(fd_.get()) != 0) return ErrnoStatus("sync", path_, errno);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  Descriptor fd_;
};

class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::string> Read(const std::string& path) override {
    return ReadPrefix(path, std::numeric_limits<int64_t>::max());
  }

  absl::StatusOr<std::string> ReadPrefix(const std::string& path, int64_t bytes) override {
    Descriptor fd(OpenRetrying(path, O_RDONLY));
    if (fd.get() < 0) return ErrnoStatus("open", path, errno);
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return ErrnoStatus("inspect", path, errno);
    if (S_ISDIR(info.st_mode)) return ErrnoStatus("read", path, EISDIR);
    std::string content;
    // The size is a hint only: the file may grow or be one of /proc, whose size is 0.
    int64_t capacity = std::min<int64_t>(bytes, std::max<off_t>(info.st_size, 0) + 1);
    int64_t used = 0;
    while (used < bytes) {
      content.resize(static_cast<size_t>(capacity));
      const ssize_t got =
          ::read(fd.get(), content.data() + used, static_cast<size_t>(capacity - used));
      if (got < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus("read", path, errno);
      }
      if (got == 0) break;
      used += got;
      if (used == capacity) capacity = std::min(bytes, 2 * capacity);
    }
    content.resize(static_cast<size_t>(used));
    return content;
  }

  absl::Status WriteAtomically(const std::string& path, std::string_view data) override {
    // Unique among processes and threads, and recognisable as left over after a crash.
    static std::atomic<uint64_t> count{0};
    const std::string temporary =
        absl::StrCat(path, ".tmp.", ::getpid(), ".", count.fetch_add(1, std::memory_order_relaxed));
    absl::Status status = WriteNew(temporary, data);
    if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
      status = ErrnoStatus("rename onto", path, errno);
    }
    if (!status.ok()) {
      ::unlink(temporary.c_str());
      return status;
    }
    return SyncFolder(FolderOf(path));
  }

  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) override {
    const int fd = OpenRetrying(path, O_WRONLY | O_CREAT | O_APPEND);
    if (fd < 0) return ErrnoStatus("open for appending", path, errno);
    auto file = std::make_unique<PosixAppendFile>(path, fd);
    // The file's name must survive a crash as well as its content.
    TORPOR_RETURN_IF_ERROR(SyncFolder(FolderOf(path)));
    return file;
  }

  absl::Status CreateDirectories(const std::string& path) override {
    std::error_code error;
    const bool created = std::filesystem::create_directories(path, error);
    if (error) return ErrnoStatus("create folder", path, error.value());
    if (!created && !std::filesystem::is_directory(path, error)) {
      return ErrnoStatus("create folder", path, ENOTDIR);
    }
    if (created) return SyncFolder(FolderOf(path));
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Exists(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return ErrnoStatus("inspect", path, errno);
  }

  absl::StatusOr<int64_t> Size(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return ErrnoStatus("inspect", path, errno);
    return static_cast<int64_t>(info.st_size);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    std::error_code error;
    std::filesystem::directory_iterator iterator(path, error);
    if (error) return ErrnoStatus("list", path, error.value());
    std::vector<std::string> names;
    while (iterator != std::filesystem::directory_iterator()) {
      names.push_back(iterator->path().filename().string());
      iterator.increment(error);
      if (error) return ErrnoStatus("list", path, error.value());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status Remove(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return ErrnoStatus("remove", path, error.value());
    return absl::OkStatus();
  }

 private:
  static absl::Status WriteNew(const std::string& path, std::string_view data) {
    Descriptor fd(OpenRetrying(path, O_WRONLY | O_CREAT | O_EXCL));
    if (fd.get() < 0) return ErrnoStatus("create", path, errno);
    if (const int error = WriteAll(fd.get(), data)) return ErrnoStatus("write", path, error);
    if (::fsync(fd.get()) != 0) return ErrnoStatus("sync", path, errno);
    if (fd.Close() != 0) return ErrnoStatus("close", path, errno);
    return absl::OkStatus();
  }
};

}  // namespace

std::unique_ptr<FileSystem> NewPosixFileSystem() { return std::make_unique<PosixFileSystem>(); }

}  // namespace torpor
