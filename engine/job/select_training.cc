#include "engine/job/select_training.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/energy/price.h"
#include "engine/energy/profiles.h"
#include "engine/network/diverged.h"
#include "engine/power/sample_run.h"

namespace torpor {
SelectTraining::SelectTraining(std::unique_ptr<Model> model, v1::TrainSpec spec, Dataset train,
                               ThreadPool* pool, const Cancellation* cancellation)
    : model_(std::move(model)),
      spec_(std::move(spec)),
      train_(std::move(train)),
      pool_(pool),
      cancellation_(cancellation) {}

absl::StatusOr<std::unique_ptr<SelectTraining>> SelectTraining::Create(
    std::unique_ptr<Model> model, const v1::TrainSpec& spec, Dataset train, ThreadPool* pool,
    const Cancellation* cancellation) {
  std::unique_ptr<SelectTraining> training(
      new SelectTraining(std::move(model), spec, std::move(train), pool, cancellation));
  TORPOR_ASSIGN_OR_RETURN(training->batches_,
                          TrainingBatches::Create(spec, training->train_, pool));
  TORPOR_ASSIGN_OR_RETURN(training->trainer_, training->model_->NewTrainer(training->spec_, pool));
  return training;
}

absl::Status SelectTraining::TrainTo(int64_t samples,
                                     const std::function<void(int64_t)>& after_batch) {
  const int64_t n = train_.size();
  while (trained_ < samples) {
    TORPOR_RETURN_IF_ERROR(cancellation_->Check());
    TORPOR_ASSIGN_OR_RETURN(const int64_t count, Step(trained_ / n, trained_ % n));
    trained_ += count;
    after_batch(count);
  }
  TORPOR_CHECK(trained_ == samples);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SelectTraining::Step(int64_t epoch, int64_t first) {
  const Batch batch = batches_->Get(epoch, first);
  StepReport report;
  TORPOR_RETURN_IF_ERROR(trainer_->Step(batch, report));
  if (std::isfinite(report.loss)) return static_cast<int64_t>(batch.labels.size());
  return Diverged(absl::StrCat("the loss is no longer finite in epoch ", epoch + 1));
}

absl::Status SelectTraining::Finish(int64_t samples) {
  return trainer_->FinishEpoch(train_.Slice(0, std::min(samples, train_.size())), *cancellation_);
}

absl::StatusOr<v1::SelectMeasurement> MeasureSelection(const Deployment& deployment,
                                                       const Dataset& data,
                                                       const v1::DeviceProfile* profile,
                                                       ThreadPool* pool,
                                                       const Cancellation& cancellation) {
  const Footprint& footprint = deployment.footprint();
  std::optional<Pricer> pricer;
  if (profile != nullptr) {
    pricer.emplace(*profile, footprint);
  } else if (!footprint.profile.empty()) {
    TORPOR_ASSIGN_OR_RETURN(const v1::DeviceProfile own, FindProfile(footprint.profile));
    pricer.emplace(own, footprint);
  }
  TORPOR_ASSIGN_OR_RETURN(
      const std::vector<SampleFigures> figures,
      RunSamples(deployment, data, pool, cancellation, {.pricer = pricer ? &*pricer : nullptr}));
  int64_t correct = 0;
  std::optional<double> joules = 0;
  for (size_t i = 0; i < figures.size(); ++i) {
    correct += figures[i].klass == data.label(static_cast<int64_t>(i)) ? 1 : 0;
    if (!figures[i].joules) joules.reset();
    if (joules) *joules += *figures[i].joules;
  }
  v1::SelectMeasurement measured;
  measured.set_samples(data.size());
  measured.set_accuracy(static_cast<double>(correct) / static_cast<double>(data.size()));
  if (joules) measured.set_joules(*joules / static_cast<double>(data.size()));
  return measured;
}

}  // namespace torpor
