#include "engine/job/training_batches.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/base/random.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Samples of one task of gathering.
constexpr int64_t kGatherSamples = 8;

}  // namespace

TrainingBatches::TrainingBatches(const v1::TrainSpec& spec, Dataset train, ThreadPool* pool)
    : spec_(spec), train_(std::move(train)), pool_(pool) {
  inputs_.resize(std::min<int64_t>(spec_.batch_size(), train_.size()), train_.features());
  labels_.resize(static_cast<size_t>(inputs_.rows()));
  targets_.resize(labels_.size() * static_cast<size_t>(train_.target_values()));
}

absl::StatusOr<TrainingBatches> TrainingBatches::Create(const v1::TrainSpec& spec, Dataset train,
                                                        ThreadPool* pool) {
  TrainingBatches batches(spec, std::move(train), pool);
  if (Augmenter::Changes(spec.augmentation())) {
    if (batches.train_.has_targets()) {
      return FieldError("augmentation",
                        "is for images: the targets of these samples would not change with them");
    }
    TORPOR_ASSIGN_OR_RETURN(
        batches.augmenter_,
        Augmenter::Create(spec.augmentation(), batches.train_.sample_shape(), spec.seed()));
  }
  return batches;
}

Batch TrainingBatches::Get(int64_t epoch, int64_t first) {
  const int64_t n = train_.size();
  if (epoch != order_epoch_) {
    order_ = Permutation(spec_.seed(), RandomPurpose::kShuffle, static_cast<uint64_t>(epoch),
                         static_cast<uint32_t>(n));
    order_epoch_ = epoch;
  }
  const int64_t count = std::min<int64_t>(spec_.batch_size(), n - first);
  Gather(epoch, first, count);
  const double within = static_cast<double>(first) / static_cast<double>(n);
  return {Rows(inputs_, 0, count),
          std::span<const int32_t>(labels_).first(static_cast<size_t>(count)),
          (static_cast<double>(epoch) + within) / spec_.epochs(),
          std::span<const uint8_t>(targets_).first(static_cast<size_t>(count) *
                                                   static_cast<size_t>(train_.target_values()))};
}

void TrainingBatches::Gather(int64_t epoch, int64_t first, int64_t count) {
  const bool change =
      augmenter_.has_value() && epoch < spec_.epochs() - spec_.augmentation().plain_epochs();
  const size_t features = static_cast<size_t>(inputs_.cols());
  const size_t values = static_cast<size_t>(train_.target_values());
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
      if (values > 0) {
        train_.CopyTarget(sample, {&targets_[static_cast<size_t>(i) * values], values});
      }
    }
  });
}

}  // namespace torpor
