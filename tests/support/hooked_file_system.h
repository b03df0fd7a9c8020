// A file system that asks the test before every write.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/file_system.h"

namespace torpor {

// Forwards to another file system. The hook sees the path of each atomic write and of each append
// to a log before it is made; an error that it returns is the write's error, and nothing is
// written. Thread-safe if the hook is.
class HookedFileSystem : public FileSystem {
 public:
  using Hook = std::function<absl::Status(const std::string& path)>;
  HookedFileSystem(FileSystem* base, Hook hook) : base_(base), hook_(std::move(hook)) {}

  absl::StatusOr<std::string> Read(const std::string& path) override { return base_->Read(path); }
  absl::StatusOr<std::string> ReadPrefix(const std::string& path, int64_t bytes) override {
    return base_->ReadPrefix(path, bytes);
  }
  absl::Status WriteAtomically(const std::string& path, std::string_view data) override {
    const absl::Status status = hook_(path);
    return status.ok() ? base_->WriteAtomically(path, data) : status;
  }
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) override {
    absl::StatusOr<std::unique_ptr<AppendFile>> file = base_->OpenAppend(path);
    if (!file.ok()) return file.status();
    return std::unique_ptr<AppendFile>(new HookedAppendFile(*std::move(file), path, hook_));
  }
  absl::Status CreateDirectories(const std::string& path) override {
    return base_->CreateDirectories(path);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override { return base_->Exists(path); }
  absl::StatusOr<int64_t> Size(const std::string& path) override { return base_->Size(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return base_->List(path);
  }
  absl::Status Remove(const std::string& path) override { return base_->Remove(path); }

 private:
  class HookedAppendFile : public AppendFile {
   public:
    HookedAppendFile(std::unique_ptr<AppendFile> base, std::string path, const Hook& hook)
        : base_(std::move(base)), path_(std::move(path)), hook_(hook) {}
    absl::Status Append(std::string_view data) override {
      const absl::Status status = hook_(path_);
      return status.ok() ? base_->Append(data) : status;
    }
    absl::Status Sync() override { return base_->Sync(); }

   private:
    std::unique_ptr<AppendFile> base_;
    const std::string path_;
    const Hook& hook_;
  };

  FileSystem* const base_;
  const Hook hook_;
};

}  // namespace torpor
