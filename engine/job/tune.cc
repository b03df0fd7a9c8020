// Metrics of a tuning job: train_loss (of the last setting, mean over its last pass as the biases
// moved; at the optimum where the method is NEWTON), tune_seconds (of this attempt) and, if it
// tuned for one setting alone, test_accuracy, test_accuracy_low, test_accuracy_high, test_loss,
// ece, agreement, nasp and nasp_nominal on the test split without noise. A row for each setting has
// the same figures.
#include <optional>
#include <vector>

#include "absl/time/clock.h"
#include "engine/base/status.h"
#include "engine/job/checkpoint.h"
#include "engine/job/kinds.h"
#include "engine/network/tune_modes.h"
#include "engine/power/evaluate.h"

namespace torpor {
namespace {

// A setting that is done is in the checkpoint; the one in work begins again, and as a tuning
// depends on its spec and data alone, it comes to the same biases.
class TuneRun {
 public:
  TuneRun(const JobContext& context, v1::WorkResult& result)
      : context_(context), spec_(context.order->spec().tune()), result_(result) {}

  absl::Status Run() {
    TORPOR_RETURN_IF_ERROR(Prepare());
    for (size_t k = 0; k < modes_.size(); ++k) {
      const bool done = k < static_cast<size_t>(position_.epoch);
      if (!done) TORPOR_RETURN_IF_ERROR(Tune(k));
      TORPOR_RETURN_IF_ERROR(Measure(modes_[k], /*report=*/!done));
    }
    return Conclude();
  }

 private:
  absl::Status Prepare();
  absl::Status Tune(size_t k);
  // Adds the row of a setting that is tuned.
  absl::Status Measure(const v1::PowerMode& mode, bool report);
  absl::Status Conclude();
  absl::Status ReportProgress(size_t k, double fraction, double loss);

  const JobContext& context_;
  const v1::TuneSpec& spec_;
  v1::WorkResult& result_;
  std::unique_ptr<Model> model_;
  std::optional<Dataset> train_, test_;
  std::optional<FullPowerReference> reference_;
  std::vector<v1::PowerMode> modes_;
  // `epoch` counts the settings that are done.
  TrainPosition position_;
  // Settings of earlier attempts, which say nothing about the speed of this one.
  int64_t done_before_ = 0;
  absl::Time begin_;
};

absl::Status TuneRun::Prepare() {
  TORPOR_ASSIGN_OR_RETURN(model_, LoadInputModel(context_));
  TORPOR_RETURN_IF_ERROR(CheckJobData(context_, spec_.dataset()));
  TORPOR_ASSIGN_OR_RETURN(
      train_, LoadJobData(context_, *model_, spec_.dataset(), v1::Split::TRAIN, spec_.samples()));
  TORPOR_ASSIGN_OR_RETURN(test_,
                          LoadJobData(context_, *model_, spec_.dataset(), v1::Split::TEST, 0));
  TORPOR_ASSIGN_OR_RETURN(
      position_, LoadNewestCheckpoint(context_, *model_, [this](const ArchiveReader& archive) {
        return model_->Load(archive);
      }));
  modes_ = TuneModes(spec_, context_.order->power_mode());
  begin_ = absl::Now();
  done_before_ = position_.epoch;
  return context_.reporter->Started(context_.attempt, static_cast<int>(position_.epoch));
}

absl::Status TuneRun::Tune(size_t k) {
  double last_loss = 0;
  const absl::Status tuned =
      model_->Tune(spec_, modes_[k], *train_, context_.order->dataset_digest(), context_.pool,
                   *context_.cancellation, [&](double fraction, double loss) -> absl::Status {
                     last_loss = loss;
                     if (!context_.reporter->ProgressDue()) return absl::OkStatus();
                     return ReportProgress(k, fraction, loss);
                   });
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(tuned, "spec.tune."));
  position_.metrics = {{"train_loss", last_loss}};
  ++position_.epoch;
  ++position_.steps;
  if (k + 1 == modes_.size()) return absl::OkStatus();
  return WriteCheckpoint(
      context_, *model_, [this](ArchiveWriter& archive) { model_->Save(archive); }, position_);
}

absl::Status TuneRun::ReportProgress(size_t k, double fraction, double loss) {
  const double total = static_cast<double>(modes_.size());
  const double done = static_cast<double>(k) + fraction;
  const double here = done - static_cast<double>(done_before_);
  v1::Progress progress;
  progress.set_fraction(done / total);
  if (here > 0) {
    *progress.mutable_eta() = ToProtoDuration((absl::Now() - begin_) * ((total - done) / here));
  }
  progress.set_epoch(static_cast<int>(k) + 1);
  progress.set_epochs(static_cast<int>(modes_.size()));
  CopyMetrics(
      {{"epsilon", modes_[k].has_epsilon() ? modes_[k].epsilon() : 1}, {"train_loss", loss}},
      progress.mutable_metrics());
  return context_.reporter->Progress(std::move(progress));
}

absl::Status TuneRun::Measure(const v1::PowerMode& mode, bool report) {
  if (!reference_.has_value()) {
    TORPOR_ASSIGN_OR_RETURN(std::shared_ptr<const Deployment> full,
                            model_->Deploy(v1::PowerMode(), v1::Realisation()));
    TORPOR_ASSIGN_OR_RETURN(reference_,
                            MeasureFullPower(*full, *test_, context_.pool, *context_.cancellation));
  }
  TORPOR_ASSIGN_OR_RETURN(std::shared_ptr<const Deployment> tuned,
                          model_->Deploy(TunedMode(mode), v1::Realisation()));
  TORPOR_ASSIGN_OR_RETURN(
      v1::PowerSweepRow row,
      EvaluateMode(*tuned, *reference_, *test_, context_.pool, *context_.cancellation));
  if (report) TORPOR_RETURN_IF_ERROR(context_.reporter->Row(row));
  *result_.add_rows() = std::move(row);
  return absl::OkStatus();
}

absl::Status TuneRun::Conclude() {
  std::map<std::string, double> metrics = position_.metrics;
  metrics["tune_seconds"] = absl::ToDoubleSeconds(absl::Now() - begin_);
  if (result_.rows_size() == 1) {
    const v1::PowerSweepRow& row = result_.rows(0);
    AddAccuracyMetrics(row, "test_", metrics);
    metrics["ece"] = row.ece();
    metrics["agreement"] = row.agreement();
    metrics["nasp"] = row.nasp();
    metrics["nasp_nominal"] = row.nasp_nominal();
  }
  TORPOR_RETURN_IF_ERROR(SaveResultModel(context_, *model_, result_));
  CopyMetrics(metrics, result_.mutable_metrics());
  *result_.mutable_provenance() = JobProvenance(context_, spec_.seed(), train_->size());
  result_.mutable_provenance()->set_all_training_samples(spec_.samples() == 0);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunTune(const JobContext& context, v1::WorkResult& result) {
  return TuneRun(context, result).Run();
}

}  // namespace torpor
