#include "server/job/train_spec_check.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "engine/data/augment.h"
#include "engine/learn/schedule.h"

namespace torpor {
namespace {

constexpr int kMaximumEpochs = 100000;
constexpr int kDefaultEpochs = 5;
constexpr int kMaximumBatch = 65536;

void CheckRange(const std::string& path, int64_t value, int64_t low, int64_t high,
                Violations& violations) {
  if (value >= low && value <= high) return;
  violations.Add(path, absl::StrCat("must be in ", low, "..", high, ", got ", value));
}

void CheckNotNegative(const std::string& path, int64_t value, Violations& violations) {
  if (value < 0) violations.Add(path, absl::StrCat("must not be negative, got ", value));
}

int EpochsOf(const v1::TrainSpec& spec) {
  return spec.epochs() == 0 ? kDefaultEpochs : spec.epochs();
}

void CheckCourse(const v1::TrainSpec& spec, const std::string& path, Violations& violations) {
  CheckSchedule(spec, path, violations);
  // Written so that NaN fails.
  if (!(spec.warmup_epochs() >= 0 && spec.warmup_epochs() <= EpochsOf(spec))) {
    violations.Add(path + "warmup_epochs",
                   absl::StrCat("must be in 0..", EpochsOf(spec),
                                ", the epochs of this training, got ", spec.warmup_epochs()));
  }
  Augmenter::Check(spec.augmentation(), EpochsOf(spec), path, violations);
}

}  // namespace

void CheckTrainSettings(const v1::TrainSpec& spec, const std::string& path,
                        Violations& violations) {
  CheckRange(path + "epochs", spec.epochs(), 0, kMaximumEpochs, violations);
  CheckRange(path + "batch_size", spec.batch_size(), 0, kMaximumBatch, violations);
  CheckNotNegative(path + "validation_samples", spec.validation_samples(), violations);
  CheckNotNegative(path + "train_samples", spec.train_samples(), violations);
  CheckNotNegative(path + "calibration_samples", spec.calibration_samples(), violations);
  CheckNotNegative(path + "publish_every", spec.publish_every(), violations);
  // Which of them a family has is its own business.
  if (!v1::Loss::Kind_IsValid(spec.loss())) {
    violations.Add(path + "loss", "must be BCE, MSE, CE, SPIKE_COUNT or VAN_ROSSUM");
  }
  if (!v1::Optimizer::Kind_IsValid(spec.optimizer())) {
    violations.Add(path + "optimizer", "must be ADAM, SGD or ADAMAX");
  }
  // Written so that NaN fails.
  if (spec.has_learning_rate() &&
      !(spec.learning_rate() > 0 && std::isfinite(spec.learning_rate()))) {
    violations.Add(path + "learning_rate",
                   absl::StrCat("must be above 0 and finite, got ", spec.learning_rate()));
  }
  if (spec.has_momentum()) {
    if (!(spec.momentum() >= 0 && spec.momentum() < 1)) {
      violations.Add(path + "momentum", absl::StrCat("must be in [0, 1), got ", spec.momentum()));
    } else if (spec.optimizer() != v1::Optimizer::SGD) {
      violations.Add(path + "momentum", "is for the optimizer SGD alone");
    }
  }
  CheckCourse(spec, path, violations);
}

void FillTrainSettings(v1::TrainSpec& spec) {
  if (spec.epochs() == 0) spec.set_epochs(kDefaultEpochs);
  if (spec.optimizer() == v1::Optimizer::UNSPECIFIED) spec.set_optimizer(v1::Optimizer::ADAM);
  if (spec.optimizer() == v1::Optimizer::SGD && !spec.has_momentum()) spec.set_momentum(0.9);
}

}  // namespace torpor
