// Files, behind one interface that tests can fault.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace torpor {

// A file that is only appended to. Not thread-safe.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // Appends all of `data` or returns an error after which the file's end is undefined (a torn
  // record).
  virtual absl::Status Append(std::string_view data) = 0;
  // Returns when the data is on the disk.
  virtual absl::Status Sync() = 0;
};

// What Torpor needs of a file system. Thread-safe. Errors name the path and the operating system's
// reason; a full disk is RESOURCE_EXHAUSTED with reason DISK_FULL, an absent file NOT_FOUND.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual absl::StatusOr<std::string> Read(const std::string& path) = 0;
  // The first `bytes` bytes, or all of a shorter file.
  virtual absl::StatusOr<std::string> ReadPrefix(const std::string& path, int64_t bytes) = 0;
  // Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder:
  // after a crash the path holds the old or the new content, never a part. On error the old content
  // stays and the temporary is removed.
  virtual absl::Status WriteAtomically(const std::string& path, std::string_view data) = 0;
  // Opens for appending; creates the file.
  virtual absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) = 0;
  // With all parents; fine if it exists.
  virtual absl::Status CreateDirectories(const std::string& path) = 0;
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
  virtual absl::StatusOr<int64_t> Size(const std::string& path) = 0;
  // Names in a folder, sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  // Removes a file, or a folder with all it holds; fine if absent.
  virtual absl::Status Remove(const std::string& path) = 0;
};

// The operating system's files.
std::unique_ptr<FileSystem> NewPosixFileSystem();

// Forwards to another file system and fails on command, for tests of full disks and crashes.
class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem* base) : base_(base) {}
  // The n-th write or sync from now (1-based) and all later ones fail with `status`; 0 switches
  // faults off.
  void FailFrom(int n, absl::Status status);

  absl::StatusOr<std::string> Read(const std::string& path) override { return base_->Read(path); }
  absl::StatusOr<std::string> ReadPrefix(const std::string& path, int64_t bytes) override {
    return base_->ReadPrefix(path, bytes);
  }
  absl::Status WriteAtomically(const std::string& path, std::string_view data) override;
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) override;
  absl::Status CreateDirectories(const std::string& path) override {
    return base_->CreateDirectories(path);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override { return base_->Exists(path); }
  absl::StatusOr<int64_t> Size(const std::string& path) override { return base_->Size(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return base_->List(path);
  }
  absl::Status Remove(const std::string& path) override { return base_->Remove(path); }
  // OK, or the fault that is due.
  absl::Status Tick();

 private:
  FileSystem* base_;
  std::mutex mutex_;  // guards the following
  int remaining_ = 0;
  absl::Status fault_;
};

}  // namespace torpor
