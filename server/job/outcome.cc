#include "server/job/outcome.h"

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "server/store/names.h"
#include "spdlog/spdlog.h"

namespace torpor {
namespace {

using v1::JobState;

// Of an id, and with room for the suffix that makes one unique.
constexpr size_t kIdLength = 63;
constexpr size_t kIdPrefixLength = 50;

Outcome Failed(absl::Status error) {
  Outcome outcome;
  outcome.state = JobState::FAILED;
  outcome.reason = ReasonOf(error);
  if (outcome.reason.empty()) outcome.reason = "ERROR";
  outcome.error = std::move(error);
  return outcome;
}

}  // namespace

Outcome OutcomeJudge::Judge(const v1::Job& job, const JobDirectory& directory,
                            const std::optional<WorkerExit>& exit) const {
  if (job.state() == JobState::CANCELLING) {
    Outcome outcome;
    outcome.state = JobState::CANCELLED;
    outcome.reason = "USER";
    return outcome;
  }
  absl::StatusOr<std::optional<v1::WorkResult>> result = directory.ReadResult(job.attempt());
  if (!result.ok()) {
    // A damaged result is none: the attempt is made again.
    spdlog::error("{}: {}", job.name(), result.status().ToString());
    return WithoutResult(job, directory, exit);
  }
  if (!result->has_value()) return WithoutResult(job, directory, exit);

  if ((*result)->state() != JobState::SUCCEEDED) {
    Outcome outcome =
        Failed((*result)->state() == JobState::FAILED
                   ? FromProto((*result)->error())
                   : WithReason(absl::CancelledError("its directory says that it was cancelled"),
                                "CANCELLED_BY_FILE"));
    outcome.result = **result;
    return outcome;
  }
  Outcome outcome;
  outcome.state = JobState::SUCCEEDED;
  outcome.reason = "DONE";
  outcome.result = **std::move(result);
  if (outcome.result->has_model()) {
    if (absl::Status status = Publish(job, directory, outcome); !status.ok()) {
      Outcome failed = Failed(std::move(status));
      failed.result = std::move(outcome.result);
      failed.model = std::move(outcome.model);
      return failed;
    }
  }
  if (job.spec().power_search().apply() && outcome.result->has_found_mode()) {
    if (absl::Status status = Apply(job, directory, outcome); !status.ok()) {
      Outcome failed = Failed(std::move(status));
      failed.result = std::move(outcome.result);
      return failed;
    }
  }
  return outcome;
}

Outcome OutcomeJudge::WithoutResult(const v1::Job& job, const JobDirectory& directory,
                                    const std::optional<WorkerExit>& exit) const {
  if (exit.has_value() && exit->code == static_cast<int>(WorkerExitCode::kDiskFull)) {
    return Failed(WithHelp(WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                          "the disk of ", directory.path(), " is full")),
                                      "DISK_FULL"),
                           "Free some space, then submit the job again."));
  }
  const int max_attempts = job.spec().max_attempts();
  const absl::StatusOr<int> spent = directory.SpentAttempts(job.attempt());
  if (!spent.ok()) return Failed(spent.status());
  if (*spent < max_attempts) {
    Outcome outcome;
    outcome.state = JobState::QUEUED;
    outcome.reason = "INTERRUPTED";
    return outcome;
  }
  return Failed(WithReason(absl::AbortedError(absl::StrCat(
                               "the worker ended ", *spent, " times without a result, last with ",
                               exit.has_value() ? exit->ToString() : "the server away", "; see ",
                               directory.WorkerLogPath(job.attempt()))),
                           "ATTEMPTS_SPENT"));
}

absl::Status OutcomeJudge::Publish(const v1::Job& job, const JobDirectory& directory,
                                   Outcome& outcome) const {
  TORPOR_ASSIGN_OR_RETURN(std::string archive, files_->Read(directory.ModelPath(job.attempt())));
  if (Sha256Hex(archive) != outcome.result->model_digest()) {
    return WithReason(
        absl::DataLossError(absl::StrCat(directory.ModelPath(job.attempt()),
                                         " does not have the digest that its worker reported")),
        "MODEL_CORRUPT");
  }
  v1::Model fields;
  *fields.mutable_metrics() = outcome.result->metrics();
  *fields.mutable_provenance() = outcome.result->provenance();
  TORPOR_ASSIGN_OR_RETURN(v1::Model model, PublishModel(job, "", archive, std::move(fields)));
  outcome.model = model.name();
  return Deploy(job, directory, archive, outcome);
}

absl::Status OutcomeJudge::PublishEpoch(const v1::Job& job, const JobDirectory& directory,
                                        const v1::JobEvent::EpochPublished& epoch) const {
  TORPOR_ASSIGN_OR_RETURN(const std::string archive,
                          files_->Read(directory.EpochModelPath(job.attempt())));
  if (Sha256Hex(archive) != epoch.digest()) return absl::OkStatus();
  TORPOR_ASSIGN_OR_RETURN(
      const v1::Model model,
      PublishModel(job, absl::StrCat("-epoch-", epoch.epoch()), archive, v1::Model()));
  if (job.spec().train().no_deploy()) return absl::OkStatus();
  return sessions_->InstallModel(job.spec().session(), model.name(), archive).status();
}

absl::StatusOr<v1::Model> OutcomeJudge::PublishModel(const v1::Job& job, const std::string& suffix,
                                                     const std::string& archive,
                                                     v1::Model fields) const {
  fields.set_source(job.name());
  const std::string digest = Sha256Hex(archive);
  TORPOR_ASSIGN_OR_RETURN(std::string id, IdOf("jobs", job.name(), "name"));
  // Named after its job, so that publishing again after a crash finds it; where somebody else has
  // that name, after the job's uid too.
  for (const std::string& candidate :
       {id.substr(0, kIdLength - suffix.size()) + suffix,
        id.substr(0, kIdPrefixLength - suffix.size()) + "-" + job.uid().substr(0, 8) + suffix}) {
    absl::StatusOr<v1::Model> model = models_->Publish(candidate, archive, fields);
    if (!absl::IsAlreadyExists(model.status())) return model;
    absl::StatusOr<v1::Model> existing = models_->Get(NameOf("models", candidate));
    if (existing.ok() && existing->source() == job.name() && existing->digest() == digest) {
      return existing;
    }
  }
  return models_->Publish("", archive, fields);
}

absl::Status OutcomeJudge::Deploy(const v1::Job& job, const JobDirectory& directory,
                                  const std::string& archive, Outcome& outcome) const {
  if (job.spec().train().no_deploy() || job.spec().tune().no_deploy()) return absl::OkStatus();
  if (job.spec().has_calibrate() || job.spec().has_tune()) {
    // Statistics and tunings belong to the parameters that they were made with: if the session has
    // others by now those would be turned back.
    absl::StatusOr<SessionSnapshot> now = sessions_->Snapshot(job.spec().session());
    if (now.ok()) {
      TORPOR_ASSIGN_OR_RETURN(std::string input, files_->Read(directory.InputModelPath()));
      if (now->archive != input && now->archive != archive) {
        outcome.reason = "SESSION_CHANGED";
        return absl::OkStatus();
      }
    }
  }
  const absl::Status status =
      sessions_->InstallModel(job.spec().session(), outcome.model, archive).status();
  if (absl::IsNotFound(status)) {
    outcome.reason = "SESSION_GONE";
    return absl::OkStatus();
  }
  return status.ok() ? status : WithReason(status, "NOT_DEPLOYED");
}

absl::Status OutcomeJudge::Apply(const v1::Job& job, const JobDirectory& directory,
                                 Outcome& outcome) const {
  const absl::StatusOr<SessionSnapshot> now = sessions_->Snapshot(job.spec().session());
  if (now.ok()) {
    // Other parameters draw another share at these epsilons.
    TORPOR_ASSIGN_OR_RETURN(const std::string input, files_->Read(directory.InputModelPath()));
    if (now->archive != input) {
      outcome.reason = "SESSION_CHANGED";
      return absl::OkStatus();
    }
  }
  v1::SetPowerModeRequest request;
  request.set_session(job.spec().session());
  *request.mutable_power_mode() = outcome.result->found_mode();
  // Remembered with the change itself: when this is done again after a crash, a mode that the user
  // has set meanwhile stays.
  request.set_request_id(absl::StrCat("job-", job.uid(), "-apply"));
  const absl::Status status = sessions_->SetPowerMode(request).status();
  if (absl::IsNotFound(status)) {
    outcome.reason = "SESSION_GONE";
    return absl::OkStatus();
  }
  return status.ok() ? status : WithReason(status, "NOT_APPLIED");
}

}  // namespace torpor
