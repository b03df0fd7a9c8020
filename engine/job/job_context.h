// What every kind of job needs while it runs: its order, its directory, its data, and where to
// report.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/cancellation.h"
#include "engine/base/file_system.h"
#include "engine/base/thread_pool.h"
#include "engine/data/catalogue.h"
#include "engine/data/dataset.h"
#include "engine/job/cancel_watcher.h"
#include "engine/job/event_log.h"
#include "engine/job/job_directory.h"
#include "engine/job/run_job.h"
#include "engine/network/model.h"

namespace torpor {

// Writes the events of one attempt. Not thread-safe.
class JobReporter {
 public:
  JobReporter(EventLogWriter* log, absl::Duration progress_interval)
      : log_(log), progress_interval_(progress_interval) {}

  absl::Status Started(int attempt, int resumed_from_epoch);
  // Whether a progress event is due, so that callers need not prepare one that would be left out.
  bool ProgressDue() const { return absl::Now() - last_progress_ >= progress_interval_; }
  absl::Status Progress(v1::Progress progress);
  absl::Status EpochDone(int epoch, const std::map<std::string, double>& metrics,
                         absl::Duration elapsed);
  absl::Status Checkpointed(int epoch, const std::string& digest);
  absl::Status EpochPublished(int epoch, const std::string& digest);
  absl::Status Row(const v1::PowerSweepRow& row);
  // On the disk when it returns: a later attempt builds on it.
  absl::Status Arm(const v1::SelectArm& arm);
  absl::Status Finished(const v1::WorkResult& result);

 private:
  EventLogWriter* log_;
  absl::Duration progress_interval_;
  absl::Time last_progress_ = absl::InfinitePast();
};

// Everything outlives the job. Not thread-safe apart from `cancellation`.
struct JobContext {
  const JobDirectory* directory = nullptr;
  int attempt = 0;
  const v1::WorkOrder* order = nullptr;
  FileSystem* files = nullptr;
  ModelFactory factory = nullptr;
  const Cancellation* cancellation = nullptr;
  // Tells whether a cancellation came from the user.
  const CancelWatcher* watcher = nullptr;
  const RunJobOptions* options = nullptr;
  ThreadPool* pool = nullptr;
  JobReporter* reporter = nullptr;
  DatasetCatalogue* datasets = nullptr;
};

// The model of input/model with its parameters, calibration and loss.
absl::StatusOr<std::unique_ptr<Model>> LoadInputModel(const JobContext& context);

// Reads all of the dataset: FAILED_PRECONDITION with reason DATASET_CHANGED when it is no longer
// what the job was accepted for.
absl::Status CheckJobData(const JobContext& context, const std::string& name);

// The first `samples` samples (0: all) of a split, of VALIDATION the last (0: 5000) of the training
// split; all where there are fewer. INVALID_ARGUMENT when they do not fit the network.
absl::StatusOr<Dataset> LoadJobData(const JobContext& context, const Model& model,
                                    const std::string& name, v1::Split::Kind split,
                                    int64_t samples);

// What a job that works through data once begins with.
struct JobInput {
  std::unique_ptr<Model> model;
  Dataset data;
};

// Reports that the attempt has begun, checks that the dataset is the one that was accepted, and
// loads the input model with the samples that the specification asks for (see LoadJobData).
absl::StatusOr<JobInput> BeginJob(const JobContext& context, const std::string& dataset,
                                  v1::Split::Kind split, int64_t samples);

// Provenance of this run over `samples` samples.
v1::Provenance JobProvenance(const JobContext& context, uint64_t seed, int64_t samples);

// Writes attempts/N/model and notes it in the result.
absl::Status SaveResultModel(const JobContext& context, const Model& model, v1::WorkResult& result);

// The name of the metric of a noise level: noise_accuracy_0_01 for 0.01.
std::string NoiseMetricName(double level);

// The figures of a row as metrics: `prefix` + accuracy, loss and, for each noise level, its
// NoiseMetricName, each with its interval under the same name + _low, _high.
void AddAccuracyMetrics(const v1::PowerSweepRow& row, const std::string& prefix,
                        std::map<std::string, double>& metrics);

// All figures of a row: those without prefix, and ece, agreement, nasp with their intervals,
// nasp_nominal.
void AddPowerMetrics(const v1::PowerSweepRow& row, std::map<std::string, double>& metrics);

// Reports the rows of a measurement and how much of it is done, with the time that the rest takes
// at the speed so far. The measurement goes on after an event that could not be written; the first
// such error fails the job afterwards.
class MeasurementReporter {
 public:
  explicit MeasurementReporter(JobReporter* reporter) : reporter_(reporter) {}
  void Row(const v1::PowerSweepRow& row) { status_.Update(reporter_->Row(row)); }
  void Fraction(double fraction);
  // The first error.
  const absl::Status& status() const { return status_; }

 private:
  JobReporter* reporter_;
  absl::Time begin_ = absl::Now();
  absl::Status status_;
};

// The realisation that a specification names, or else the session's.
template <class Spec>
const v1::Realisation& RealisationOf(const JobContext& context, const Spec& spec) {
  return spec.has_realisation() ? spec.realisation() : context.order->realisation();
}

// Copies metrics into a message's map field.
template <class ProtoMap>
void CopyMetrics(const std::map<std::string, double>& metrics, ProtoMap* out) {
  for (const auto& [name, value] : metrics) (*out)[name] = value;
}

// Rounded to microseconds; negative and infinite spans become 0.
google::protobuf::Duration ToProtoDuration(absl::Duration duration);

}  // namespace torpor
