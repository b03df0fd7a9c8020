// The job directory: the contract between server and worker, the same on one machine and on a
// shared file system.
//
//   jobs/ID/  spec.binpb  input/model  lock  cancel
//             attempts/N/{events.log, checkpoint-K, model, result.binpb, worker.log, interrupted}
//
// The server writes spec.binpb, input/model, cancel and the folder of an attempt before it starts
// the worker; everything else is the worker's, who holds flock(lock) while it lives. K counts
// training steps. `interrupted` is there when the worker stopped because it was asked to, so that
// this attempt does not count against the limit of attempts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/file_system.h"
#include "torpor/v1/job_directory.pb.h"

namespace torpor {

// How torpor-worker ends. A result may be there whatever the code says; the code explains why there
// is none.
enum class WorkerExitCode : int {
  // result.binpb is there.
  kResult = 0,
  // Bad command line or a damaged job directory.
  kUsage = 2,
  // SIGTERM, or a newer attempt: stopped after a checkpoint.
  kInterrupted = 3,
  // No room for the result.
  kDiskFull = 4,
  // Another worker holds the lock.
  kLocked = 5,
  // The result could not be written for another reason.
  kNoResult = 6,
};

struct CheckpointFile {
  int attempt = 0;
  // Training steps that it stands after.
  int64_t steps = 0;
  std::string path;
};

// Names and reads the parts of one job's directory. Immutable; thread-safe. `files` outlives it.
class JobDirectory {
 public:
  JobDirectory(std::string path, FileSystem* files) : path_(std::move(path)), files_(files) {}

  const std::string& path() const { return path_; }
  std::string SpecPath() const { return path_ + "/spec.binpb"; }
  std::string InputModelPath() const { return path_ + "/input/model"; }
  std::string LockPath() const { return path_ + "/lock"; }
  std::string CancelPath() const { return path_ + "/cancel"; }
  std::string AttemptPath(int attempt) const {
    return path_ + "/attempts/" + std::to_string(attempt);
  }
  std::string EventsPath(int attempt) const { return AttemptPath(attempt) + "/events.log"; }
  std::string CheckpointPath(int attempt, int64_t steps) const {
    return AttemptPath(attempt) + "/checkpoint-" + std::to_string(steps);
  }
  std::string ModelPath(int attempt) const { return AttemptPath(attempt) + "/model"; }
  // The model as it was after the last epoch that was to be published.
  std::string EpochModelPath(int attempt) const { return AttemptPath(attempt) + "/epoch-model"; }
  std::string ResultPath(int attempt) const { return AttemptPath(attempt) + "/result.binpb"; }
  std::string WorkerLogPath(int attempt) const { return AttemptPath(attempt) + "/worker.log"; }
  std::string InterruptedPath(int attempt) const { return AttemptPath(attempt) + "/interrupted"; }

  // The directory with its order and input: what a worker needs to begin. Durable when it returns.
  absl::Status Create(const v1::WorkOrder& order, std::string_view input_model) const;
  // DATA_LOSS when it is not a WorkOrder.
  absl::StatusOr<v1::WorkOrder> ReadWorkOrder() const;
  // Appears whole or not at all.
  absl::Status WriteResult(const v1::WorkResult& result) const;
  // Empty if the attempt came to none. DATA_LOSS when it is damaged or names another attempt.
  absl::StatusOr<std::optional<v1::WorkResult>> ReadResult(int attempt) const;

  // Numbers of the attempts that have a folder, ascending.
  absl::StatusOr<std::vector<int>> Attempts() const;
  // Attempts up to `attempt` that were not interrupted on request: what the limit of attempts
  // counts.
  absl::StatusOr<int> SpentAttempts(int attempt) const;
  // Checkpoints of attempts up to `attempt`, newest (most steps) first.
  absl::StatusOr<std::vector<CheckpointFile>> Checkpoints(int attempt) const;

 private:
  std::string path_;
  FileSystem* files_;
};

// SHA-256 (hex) of a specification in deterministic serialisation: the same for equal messages of
// one build.
std::string SpecDigest(const v1::JobSpec& spec);

}  // namespace torpor
