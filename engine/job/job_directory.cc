#include "engine/job/job_directory.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace torpor {
namespace {

constexpr std::string_view kCheckpointPrefix = "checkpoint-";

absl::Status Damaged(const std::string& path, const std::string& what) {
  return WithReason(absl::DataLossError(absl::StrCat(path, ": ", what)), "JOB_DIRECTORY_CORRUPT");
}

}  // namespace

absl::Status JobDirectory::Create(const v1::WorkOrder& order, std::string_view input_model) const {
  TORPOR_RETURN_IF_ERROR(files_->CreateDirectories(path_ + "/input"));
  TORPOR_RETURN_IF_ERROR(files_->CreateDirectories(path_ + "/attempts"));
  TORPOR_RETURN_IF_ERROR(files_->WriteAtomically(InputModelPath(), input_model));
  return files_->WriteAtomically(SpecPath(), order.SerializeAsString());
}

absl::StatusOr<v1::WorkOrder> JobDirectory::ReadWorkOrder() const {
  TORPOR_ASSIGN_OR_RETURN(std::string content, files_->Read(SpecPath()));
  v1::WorkOrder order;
  if (!order.ParseFromString(content)) return Damaged(SpecPath(), "is not a work order");
  return order;
}

absl::Status JobDirectory::WriteResult(const v1::WorkResult& result) const {
  return files_->WriteAtomically(ResultPath(result.attempt()), result.SerializeAsString());
}

absl::StatusOr<std::optional<v1::WorkResult>> JobDirectory::ReadResult(int attempt) const {
  const std::string path = ResultPath(attempt);
  TORPOR_ASSIGN_OR_RETURN(bool exists, files_->Exists(path));
  if (!exists) return std::optional<v1::WorkResult>();
  TORPOR_ASSIGN_OR_RETURN(std::string content, files_->Read(path));
  v1::WorkResult result;
  if (!result.ParseFromString(content)) return Damaged(path, "is not a result");
  if (result.attempt() != attempt) {
    return Damaged(
        path, absl::StrCat("is the result of attempt ", result.attempt(), ", not of ", attempt));
  }
  return std::optional<v1::WorkResult>(std::move(result));
}

absl::StatusOr<std::vector<int>> JobDirectory::Attempts() const {
  std::vector<int> attempts;
  TORPOR_ASSIGN_OR_RETURN(bool exists, files_->Exists(path_ + "/attempts"));
  if (!exists) return attempts;
  TORPOR_ASSIGN_OR_RETURN(std::vector<std::string> names, files_->List(path_ + "/attempts"));
  for (const std::string& name : names) {
    int attempt = 0;
    if (absl::SimpleAtoi(name, &attempt) && attempt >= 1) attempts.push_back(attempt);
  }
  std::sort(attempts.begin(), attempts.end());
  return attempts;
}

absl::StatusOr<int> JobDirectory::SpentAttempts(int attempt) const {
  TORPOR_ASSIGN_OR_RETURN(std::vector<int> attempts, Attempts());
  int spent = 0;
  for (int number : attempts) {
    if (number > attempt) break;
    TORPOR_ASSIGN_OR_RETURN(bool on_request, files_->Exists(InterruptedPath(number)));
    if (!on_request) ++spent;
  }
  return spent;
}

absl::StatusOr<std::vector<CheckpointFile>> JobDirectory::Checkpoints(int attempt) const {
  TORPOR_ASSIGN_OR_RETURN(std::vector<int> attempts, Attempts());
  std::vector<CheckpointFile> checkpoints;
  for (int number : attempts) {
    if (number > attempt) break;
    TORPOR_ASSIGN_OR_RETURN(std::vector<std::string> names, files_->List(AttemptPath(number)));
    for (const std::string& name : names) {
      int64_t steps = 0;
      // Temporary files of a torn write have other names and are left alone.
      if (name.starts_with(kCheckpointPrefix) &&
          absl::SimpleAtoi(name.substr(kCheckpointPrefix.size()), &steps)) {
        checkpoints.push_back({number, steps, CheckpointPath(number, steps)});
      }
    }
  }
  std::sort(checkpoints.begin(), checkpoints.end(),
            [](const CheckpointFile& a, const CheckpointFile& b) {
              return a.steps != b.steps ? a.steps > b.steps : a.attempt > b.attempt;
            });
  return checkpoints;
}

std::string SpecDigest(const v1::JobSpec& spec) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    spec.SerializeToCodedStream(&coded);
  }
  return Sha256Hex(bytes);
}

}  // namespace torpor
