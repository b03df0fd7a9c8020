// What an attempt that has ended comes to.
#pragma once

#include <optional>
#include <string>

#include "engine/base/file_system.h"
#include "engine/job/job_directory.h"
#include "server/job/executor.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

struct Outcome {
  v1::JobState::Kind state = v1::JobState::UNSPECIFIED;
  std::string reason;
  absl::Status error;
  // What the worker wrote, if the attempt came to a result.
  std::optional<v1::WorkResult> result;
  // `models/{id}` that was published.
  std::string model;
};

// Decides what becomes of a job whose worker is gone, and publishes what it made. Only the
// directory of the job's present attempt is looked at: an older worker's result is never published.
// Doing it twice (after a crash in between) publishes once. Blocking; thread-safe. The pointers
// outlive it.
class OutcomeJudge {
 public:
  OutcomeJudge(FileSystem* files, SessionRegistry* sessions, ModelStore* models)
      : files_(files), sessions_(sessions), models_(models) {}

  // `exit`: how the worker ended, if it was this server's child.
  //   result SUCCEEDED         -> SUCCEEDED, its model published and deployed, reason DONE
  //   (SESSION_GONE or
  //                               SESSION_CHANGED when it could not be deployed for that)
  //                               A search's mode put in force where it asked for that (the same
  //                               reasons)
  //   result FAILED            -> FAILED, reason of the error
  //   no result, no room       -> FAILED, reason DISK_FULL
  //   no result                -> QUEUED, reason INTERRUPTED, or FAILED, reason ATTEMPTS_SPENT
  //   anything in CANCELLING   -> CANCELLED, reason USER
  Outcome Judge(const v1::Job& job, const JobDirectory& directory,
                const std::optional<WorkerExit>& exit) const;

  // Publishes the model of an epoch as `models/{job}-epoch-{k}` and puts it into the session. OK,
  // and nothing is done, where a later epoch has written its own over it.
  absl::Status PublishEpoch(const v1::Job& job, const JobDirectory& directory,
                            const v1::JobEvent::EpochPublished& epoch) const;

 private:
  Outcome WithoutResult(const v1::Job& job, const JobDirectory& directory,
                        const std::optional<WorkerExit>& exit) const;
  // Publishes and deploys; the outcome becomes FAILED where that fails.
  absl::Status Publish(const v1::Job& job, const JobDirectory& directory, Outcome& outcome) const;
  // Named after its job and `suffix`; `fields` says what else the model is to hold.
  absl::StatusOr<v1::Model> PublishModel(const v1::Job& job, const std::string& suffix,
                                         const std::string& archive, v1::Model fields) const;
  absl::Status Deploy(const v1::Job& job, const JobDirectory& directory, const std::string& archive,
                      Outcome& outcome) const;
  // Puts the mode that a search found in force.
  absl::Status Apply(const v1::Job& job, const JobDirectory& directory, Outcome& outcome) const;

  FileSystem* const files_;
  SessionRegistry* const sessions_;
  ModelStore* const models_;
};

}  // namespace torpor
