// Metrics of a training job: train_loss, train_accuracy (means over the last epoch, in the order of
// training, as the parameters moved), validation_loss, validation_accuracy if samples were held
// out, test_accuracy, test_loss, ece (test split at full power without noise) and
// test_noise_accuracy_LEVEL for the default levels (NoiseMetricName), each with its interval under
// the same name + _low, _high; full_power (synaptic power of calibration), train_seconds and
// samples_per_second (of this attempt).
#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/energy/price.h"
#include "engine/energy/profiles.h"
#include "engine/job/checkpoint.h"
#include "engine/job/kinds.h"
#include "engine/job/training_batches.h"
#include "engine/network/diverged.h"
#include "engine/power/mode_bench.h"

namespace torpor {
namespace {

// What calibration and the test cost, in training samples per sample: forward passes only.
constexpr double kForwardShare = 0.4;
class TrainRun {
 public:
  TrainRun(const JobContext& context, v1::WorkResult& result)
      : context_(context), spec_(context.order->spec().train()), result_(result) {}

  absl::Status Run() {
    TORPOR_RETURN_IF_ERROR(Prepare());
    absl::Status status = Train();
    if (status.ok()) status = Conclude();
    if (absl::IsCancelled(status) && !context_.watcher->UserCancelled()) {
      // Interrupted: keep what was done for the next attempt. If it cannot be kept an earlier
      // checkpoint serves.
      WriteCheckpoint(context_, *model_, Saver(), position_).IgnoreError();
    }
    return status;
  }

 private:
  absl::Status Prepare();
  absl::Status Train();
  absl::Status RunEpoch();
  absl::Status FinishEpoch();
  // Leaves the model, calibrated, for the session to go on with.
  absl::Status PublishEpoch();
  absl::Status CalibrateModel();
  // What a training sample cost, where the family counts it.
  absl::Status PriceTraining(std::map<std::string, double>& metrics);
  absl::Status Conclude();
  absl::Status ReportProgress();
  // Full power on `data`, on hardware without noise but for that of `noise`.
  absl::StatusOr<v1::PowerSweepRow> Measure(const Dataset& data, const NoisePlan& noise);
  // Counts a forward pass over so many samples, and reports.
  void AfterPass(int64_t samples);
  // What the model is calibrated on.
  Dataset CalibrationData() const {
    const int64_t asked = spec_.calibration_samples();
    return asked == 0 ? *train_ : train_->Slice(0, std::min(asked, train_->size()));
  }
  SaveState Saver() const {
    return [this](ArchiveWriter& archive) { trainer_->Save(archive); };
  }
  int64_t SamplesDone() const {
    return position_.epoch * train_->size() + position_.report.samples;
  }
  double TotalWork() const {
    const double test_passes = 2 + test_noise_.passes();
    return static_cast<double>(spec_.epochs()) * train_->size() +
           kForwardShare *
               (static_cast<double>(CalibrationData().size()) + test_passes * test_->size());
  }
  double WorkDone() const { return SamplesDone() + kForwardShare * passed_; }

  const JobContext& context_;
  const v1::TrainSpec& spec_;
  v1::WorkResult& result_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Trainer> trainer_;
  std::optional<Dataset> train_, validation_, test_;
  bool all_training_samples_ = false;
  std::optional<TrainingBatches> batches_;
  TrainPosition position_;
  absl::Time begin_, epoch_begin_, last_checkpoint_;
  // Samples of earlier attempts, which say nothing about the speed of this one.
  int64_t samples_before_ = 0;
  NoisePlan test_noise_;
  // Samples of the forward passes that conclude the job.
  int64_t passed_ = 0;
};

absl::Status TrainRun::Prepare() {
  TORPOR_ASSIGN_OR_RETURN(model_, LoadInputModel(context_));
  if (!spec_.from_session()) model_->Initialise(spec_.seed());
  test_noise_ = PlanFor(v1::NoiseSpec(), *model_);
  TORPOR_RETURN_IF_ERROR(CheckJobData(context_, spec_.dataset()));
  TORPOR_ASSIGN_OR_RETURN(Dataset train, LoadJobData(context_, *model_, spec_.dataset(),
                                                     v1::Split::TRAIN, spec_.train_samples()));
  TORPOR_ASSIGN_OR_RETURN(test_,
                          LoadJobData(context_, *model_, spec_.dataset(), v1::Split::TEST, 0));
  if (spec_.validation_samples() >= train.size()) {
    return FieldError("spec.train.validation_samples",
                      absl::StrCat("must leave samples to train on: at most ", train.size() - 1,
                                   " of ", train.size()));
  }
  all_training_samples_ = spec_.train_samples() == 0 && spec_.validation_samples() == 0;
  const int64_t trained_on = train.size() - spec_.validation_samples();
  if (spec_.validation_samples() > 0) {
    validation_ = train.Slice(trained_on, train.size());
    train_ = train.Slice(0, trained_on);
  } else {
    train_ = std::move(train);
  }
  TORPOR_RETURN_IF_ERROR(
      WithFieldPrefix(model_->CheckCalibration(CalibrationData()), "spec.train."));
  absl::StatusOr<TrainingBatches> batches = TrainingBatches::Create(spec_, *train_, context_.pool);
  if (!batches.ok()) return WithFieldPrefix(batches.status(), "spec.train.");
  batches_ = *std::move(batches);
  TORPOR_ASSIGN_OR_RETURN(trainer_, model_->NewTrainer(spec_, context_.pool));
  TORPOR_ASSIGN_OR_RETURN(
      position_, LoadNewestCheckpoint(context_, *model_, [this](const ArchiveReader& archive) {
        return trainer_->Load(archive);
      }));
  begin_ = last_checkpoint_ = absl::Now();
  samples_before_ = SamplesDone();
  return context_.reporter->Started(context_.attempt, static_cast<int>(position_.epoch));
}

absl::Status TrainRun::Train() {
  while (position_.epoch < spec_.epochs()) {
    TORPOR_RETURN_IF_ERROR(RunEpoch());
    TORPOR_RETURN_IF_ERROR(FinishEpoch());
    const bool last = position_.epoch == spec_.epochs();
    if (!last && spec_.publish_every() > 0 && position_.epoch % spec_.publish_every() == 0) {
      TORPOR_RETURN_IF_ERROR(PublishEpoch());
    }
    if (!last && absl::Now() - last_checkpoint_ >= context_.options->checkpoint_interval) {
      TORPOR_RETURN_IF_ERROR(WriteCheckpoint(context_, *model_, Saver(), position_));
      last_checkpoint_ = absl::Now();
    }
  }
  return absl::OkStatus();
}

absl::Status TrainRun::RunEpoch() {
  epoch_begin_ = absl::Now();
  const int64_t n = train_->size();
  for (int64_t first = position_.batch * spec_.batch_size(); first < n;
       first += spec_.batch_size()) {
    TORPOR_RETURN_IF_ERROR(context_.cancellation->Check());
    TORPOR_RETURN_IF_ERROR(trainer_->Step(batches_->Get(position_.epoch, first), position_.report));
    ++position_.batch;
    ++position_.steps;
    if (!std::isfinite(position_.report.loss)) {
      return Diverged(absl::StrCat("the loss is no longer finite in epoch ", position_.epoch + 1));
    }
    if (context_.reporter->ProgressDue()) TORPOR_RETURN_IF_ERROR(ReportProgress());
  }
  return absl::OkStatus();
}

absl::Status TrainRun::FinishEpoch() {
  const StepReport& report = position_.report;
  std::map<std::string, double> metrics;
  if (trainer_->has_loss()) metrics["train_loss"] = report.loss / report.samples;
  if (train_->has_targets()) {
    // What is learned is a spike train: the lowest is what publications give.
    const auto before = position_.metrics.find("lowest_distance");
    const double distance = report.distance / static_cast<double>(report.samples);
    metrics["distance"] = distance;
    metrics["lowest_distance"] =
        before == position_.metrics.end() ? distance : std::min(before->second, distance);
  } else {
    metrics["train_accuracy"] = static_cast<double>(report.correct) / report.samples;
  }
  if (validation_.has_value()) {
    TORPOR_RETURN_IF_ERROR(trainer_->FinishEpoch(CalibrationData(), *context_.cancellation));
    TORPOR_ASSIGN_OR_RETURN(v1::PowerSweepRow row, Measure(*validation_, NoisePlan()));
    metrics["validation_loss"] = row.loss();
    metrics["validation_accuracy"] = row.accuracy();
  }
  ++position_.epoch;
  position_.batch = 0;
  position_.report = StepReport();
  position_.metrics = metrics;
  return context_.reporter->EpochDone(static_cast<int>(position_.epoch), metrics,
                                      absl::Now() - epoch_begin_);
}

absl::Status TrainRun::PublishEpoch() {
  TORPOR_RETURN_IF_ERROR(CalibrateModel());
  TORPOR_ASSIGN_OR_RETURN(const std::string archive, SerializeTrained(*model_));
  TORPOR_RETURN_IF_ERROR(context_.files->WriteAtomically(
      context_.directory->EpochModelPath(context_.attempt), archive));
  return context_.reporter->EpochPublished(static_cast<int>(position_.epoch), Sha256Hex(archive));
}

absl::Status TrainRun::CalibrateModel() {
  return model_->Calibrate(CalibrationData(), spec_.dataset(), context_.order->dataset_digest(),
                           context_.pool, *context_.cancellation);
}

absl::StatusOr<v1::PowerSweepRow> TrainRun::Measure(const Dataset& data, const NoisePlan& noise) {
  std::function<void()> after_pass;
  if (!noise.levels.empty()) after_pass = [&] { AfterPass(data.size()); };
  TORPOR_ASSIGN_OR_RETURN(const ModeBench bench,
                          ModeBench::Create(*model_, v1::Realisation(), data, context_.pool,
                                            *context_.cancellation, after_pass));
  return bench.Measure(v1::PowerMode(), noise);
}

void TrainRun::AfterPass(int64_t samples) {
  passed_ += samples;
  // What cannot be reported now is reported with the result.
  if (context_.reporter->ProgressDue()) ReportProgress().IgnoreError();
}

absl::Status TrainRun::ReportProgress() {
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin_);
  const double speed =
      static_cast<double>(SamplesDone() - samples_before_) / std::max(seconds, 1e-6);
  v1::Progress progress;
  progress.set_fraction(WorkDone() / TotalWork());
  if (speed > 0)
    *progress.mutable_eta() = ToProtoDuration(absl::Seconds((TotalWork() - WorkDone()) / speed));
  progress.set_epoch(static_cast<int>(std::min<int64_t>(position_.epoch + 1, spec_.epochs())));
  progress.set_epochs(spec_.epochs());
  std::map<std::string, double> metrics = position_.metrics;
  if (position_.report.samples > 0) {
    if (trainer_->has_loss()) {
      metrics["train_loss"] = position_.report.loss / position_.report.samples;
    }
    metrics["train_accuracy"] =
        static_cast<double>(position_.report.correct) / position_.report.samples;
  }
  metrics["samples_per_second"] = speed;
  CopyMetrics(metrics, progress.mutable_metrics());
  return context_.reporter->Progress(std::move(progress));
}

absl::Status TrainRun::Conclude() {
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin_);
  std::map<std::string, double> metrics = position_.metrics;
  if (SamplesDone() > samples_before_) {
    metrics["samples_per_second"] =
        static_cast<double>(SamplesDone() - samples_before_) / std::max(seconds, 1e-6);
    metrics["train_seconds"] = seconds;
  }
  TORPOR_RETURN_IF_ERROR(ReportProgress());
  TORPOR_RETURN_IF_ERROR(CalibrateModel());
  AfterPass(CalibrationData().size());
  metrics["full_power"] = model_->calibration().full_power();
  TORPOR_ASSIGN_OR_RETURN(v1::PowerSweepRow row, Measure(*test_, test_noise_));
  AddAccuracyMetrics(row, "test_", metrics);
  metrics["ece"] = row.ece();
  metrics["ece_low"] = row.ece_low();
  metrics["ece_high"] = row.ece_high();
  TORPOR_RETURN_IF_ERROR(PriceTraining(metrics));
  TORPOR_RETURN_IF_ERROR(SaveResultModel(context_, *model_, result_));

  CopyMetrics(metrics, result_.mutable_metrics());
  *result_.mutable_provenance() = JobProvenance(context_, spec_.seed(), train_->size());
  result_.mutable_provenance()->set_all_training_samples(all_training_samples_);
  return absl::OkStatus();
}

absl::Status TrainRun::PriceTraining(std::map<std::string, double>& metrics) {
  const TrainingActivity activity = trainer_->activity();
  if (activity.samples == 0) return absl::OkStatus();
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> full,
                          model_->Deploy(v1::PowerMode(), v1::Realisation()));
  const Footprint& footprint = full->footprint();
  TORPOR_ASSIGN_OR_RETURN(const v1::DeviceProfile profile, FindProfile(footprint.profile));
  *result_.mutable_training_energy() = Price(
      ReportActivity(footprint, MeanOf(activity.sum, activity.samples), activity.samples), profile);
  if (result_.training_energy().has_joules()) {
    metrics["train_joules"] = result_.training_energy().joules();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunTrain(const JobContext& context, v1::WorkResult& result) {
  return TrainRun(context, result).Run();
}

}  // namespace torpor
