#include "engine/job/select_training.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/energy/price.h"
#include "engine/energy/profiles.h"
#include "engine/power/sample_run.h"

namespace torpor {
namespace {

// Samples of one task of gathering.
constexpr int64_t kGatherSamples = 8;

}  // namespace

SelectTraining::SelectTraining(std::unique_ptr<Model> model, v1::TrainSpec spec, Dataset train,
                               ThreadPool* pool, const Cancellation* cancellation)
    : model_(std::move(model)),
      spec_(std::move(spec)),
      train_(std::move(train)),
      pool_(pool),
      cancellation_(cancellation) {
  inputs_.resize(std::min<int64_t>(spec_.batch_size(), train_.size()), train_.features());
  labels_.resize(static_cast<size_t>(inputs_.rows()));
}

absl::StatusOr<std::unique_ptr<SelectTraining>> SelectTraining::Create(
    std::unique_ptr<Model> model, const v1::TrainSpec& spec, Dataset train, ThreadPool* pool,
    const Cancellation* cancellation) {
  std::unique_ptr<SelectTraining> training(
      new SelectTraining(std::move(model), spec, std::move(train), pool, cancellation));
  if (Augmenter::Changes(spec.augmentation())) {
    TORPOR_ASSIGN_OR_RETURN(
        training->augmenter_,
        Augmenter::Create(spec.augmentation(), training->train_.sample_shape(), spec.seed()));
  }
  TORPOR_ASSIGN_OR_RETURN(training->trainer_, training->model_->NewTrainer(training->spec_, pool));
  return training;
}

absl::Status SelectTraining::TrainTo(int64_t samples,
                                     const std::function<void(int64_t)>& after_batch) {
  const int64_t n = train_.size();
  while (trained_ < samples) {
    TORPOR_RETURN_IF_ERROR(cancellation_->Check());
    const int64_t first = trained_ % n;
    const int64_t count = std::min<int64_t>(spec_.batch_size(), n - first);
    TORPOR_RETURN_IF_ERROR(Step(trained_ / n, first, count));
    trained_ += count;
    after_batch(count);
  }
  TORPOR_CHECK(trained_ == samples);
  return absl::OkStatus();
}

absl::Status SelectTraining::Step(int64_t epoch, int64_t first, int64_t count) {
  if (epoch != order_epoch_) {
    order_ = Permutation(spec_.seed(), RandomPurpose::kShuffle, static_cast<uint64_t>(epoch),
                         static_cast<uint32_t>(train_.size()));
    order_epoch_ = epoch;
  }
  Gather(epoch, first, count);
  const double within = static_cast<double>(first) / static_cast<double>(train_.size());
  StepReport report;
  TORPOR_RETURN_IF_ERROR(
      trainer_->Step(Batch{Rows(inputs_, 0, count),
                           std::span<const int32_t>(labels_).first(static_cast<size_t>(count)),
                           (static_cast<double>(epoch) + within) / spec_.epochs()},
                     report));
  if (std::isfinite(report.loss)) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(
                        absl::StrCat("the loss is no longer finite in epoch ", epoch + 1)),
                    "DIVERGED");
}

void SelectTraining::Gather(int64_t epoch, int64_t first, int64_t count) {
  const bool change =
      augmenter_.has_value() && epoch < spec_.epochs() - spec_.augmentation().plain_epochs();
  const size_t features = static_cast<size_t>(inputs_.cols());
  const int tasks = static_cast<int>((count + kGatherSamples - 1) / kGatherSamples);
  pool_->ParallelFor(tasks, [&](int task) {
    std::vector<float> image(change ? features : 0);
    const int64_t begin = task * kGatherSamples;
    for (int64_t i = begin; i < std::min(begin + kGatherSamples, count); ++i) {
      const uint32_t sample = order_[static_cast<size_t>(first + i)];
      const std::span<float> row(inputs_.row(i).data(), features);
      train_.CopySample(sample, change ? std::span<float>(image) : row);
      if (change) augmenter_->Apply(epoch, sample, image, row);
      labels_[static_cast<size_t>(i)] = train_.label(sample);
    }
  });
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
