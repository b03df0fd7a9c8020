#include "engine/job/run_job.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/job/cancel_watcher.h"
#include "engine/job/job_context.h"
#include "engine/job/job_directory.h"
#include "engine/job/kinds.h"

namespace torpor {
namespace {

absl::Status RunKind(const JobContext& context, v1::WorkResult& result) {
  switch (context.order->spec().kind_case()) {
    case v1::JobSpec::kTrain:
      return RunTrain(context, result);
    case v1::JobSpec::kEvaluate:
      return RunEvaluate(context, result);
    case v1::JobSpec::kCalibrate:
      return RunCalibrate(context, result);
    case v1::JobSpec::kPowerSweep:
      return RunPowerSweep(context, result);
    case v1::JobSpec::kTune:
      return RunTune(context, result);
    case v1::JobSpec::kPowerSearch:
      return RunPowerSearch(context, result);
    case v1::JobSpec::kSelect:
      return RunSelect(context, result);
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
  // Also a kind that a newer server knows and this worker does not.
  return FieldError(
      "spec", "must be one of train, evaluate, calibrate, power_sweep, tune, power_search, select");
}

int Threads(const v1::JobSpec& spec, const RunJobOptions& options) {
  if (options.threads > 0) return options.threads;
  return spec.threads() > 0 ? spec.threads() : AvailableCpus();
}

// The result that follows from how the job ended. An unfinished job has no figures, not half of
// them.
v1::WorkResult Unsuccessful(int attempt, v1::JobState::Kind state, const absl::Status& status) {
  v1::WorkResult result;
  result.set_attempt(attempt);
  result.set_state(state);
  if (state == v1::JobState::FAILED) *result.mutable_error() = ToProto(status);
  return result;
}

}  // namespace

absl::StatusOr<v1::WorkResult> RunJob(const std::string& path, int attempt, FileSystem* files,
                                      ModelFactory factory, Cancellation* cancellation,
                                      const RunJobOptions& options) {
  const JobDirectory directory(path, files);
  TORPOR_ASSIGN_OR_RETURN(std::optional<v1::WorkResult> earlier, directory.ReadResult(attempt));
  if (earlier.has_value()) return *std::move(earlier);
  TORPOR_ASSIGN_OR_RETURN(v1::WorkOrder order, directory.ReadWorkOrder());
  TORPOR_RETURN_IF_ERROR(files->CreateDirectories(directory.AttemptPath(attempt)));
  TORPOR_RETURN_IF_ERROR(files->Remove(directory.InterruptedPath(attempt)));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<EventLogWriter> log,
                          EventLogWriter::Open(directory.EventsPath(attempt), attempt, files));

  const CancelWatcher watcher(directory, attempt, files, cancellation);
  ThreadPool pool(Threads(order.spec(), options));
  JobReporter reporter(log.get(), options.progress_interval);
  DatasetCatalogue datasets({order.dataset_path().begin(), order.dataset_path().end()}, files);
  JobContext context;
  context.directory = &directory;
  context.attempt = attempt;
  context.order = &order;
  context.files = files;
  context.factory = factory;
  context.cancellation = cancellation;
  context.watcher = &watcher;
  context.options = &options;
  context.pool = &pool;
  context.reporter = &reporter;
  context.datasets = &datasets;

  v1::WorkResult result;
  result.set_attempt(attempt);
  result.set_state(v1::JobState::SUCCEEDED);
  const absl::Status status = RunKind(context, result);
  if (absl::IsCancelled(status)) {
    if (!watcher.UserCancelled()) {
      TORPOR_RETURN_IF_ERROR(files->WriteAtomically(directory.InterruptedPath(attempt), ""));
      return WithReason(status, "INTERRUPTED");
    }
    result = Unsuccessful(attempt, v1::JobState::CANCELLED, status);
  } else if (!status.ok()) {
    result = Unsuccessful(attempt, v1::JobState::FAILED, status);
  }
  // The result first: whoever sees the event finds it.
  TORPOR_RETURN_IF_ERROR(directory.WriteResult(result));
  // The result stands even if its event could not be written.
  reporter.Finished(result).IgnoreError();
  return result;
}

}  // namespace torpor
