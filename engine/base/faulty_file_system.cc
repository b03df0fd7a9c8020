#include <utility>

#include "engine/base/file_system.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

class FaultyAppendFile : public AppendFile {
 public:
  FaultyAppendFile(FaultyFileSystem* owner, std::unique_ptr<AppendFile> base)
      : owner_(owner), base_(std::move(base)) {}

  absl::Status Append(std::string_view data) override {
    const absl::Status fault = owner_->Tick();
    if (fault.ok()) return base_->Append(data);
    // As a full disk does: a part arrives, then nothing.
    base_->Append(data.substr(0, data.size() / 2)).IgnoreError();
    return fault;
  }

  absl::Status Sync() override {
    TORPOR_RETURN_IF_ERROR(owner_->Tick());
    return base_->Sync();
  }

 private:
  FaultyFileSystem* const owner_;
  const std::unique_ptr<AppendFile> base_;
};

}  // namespace

void FaultyFileSystem::FailFrom(int n, absl::Status status) {
  std::lock_guard lock(mutex_);
  remaining_ = n;
  fault_ = std::move(status);
}

absl::Status FaultyFileSystem::Tick() {
  std::lock_guard lock(mutex_);
  if (remaining_ == 0) return absl::OkStatus();
  if (remaining_ > 1) {
    --remaining_;
    return absl::OkStatus();
  }
  return fault_;
}

absl::Status FaultyFileSystem::WriteAtomically(const std::string& path, std::string_view data) {
  TORPOR_RETURN_IF_ERROR(Tick());
  return base_->WriteAtomically(path, data);
}

absl::StatusOr<std::unique_ptr<AppendFile>> FaultyFileSystem::OpenAppend(const std::string& path) {
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<AppendFile> file, base_->OpenAppend(path));
  return std::make_unique<FaultyAppendFile>(this, std::move(file));
}

}  // namespace torpor
