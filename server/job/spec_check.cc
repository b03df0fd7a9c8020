#include "server/job/spec_check.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/data/augment.h"
#include "server/job/power_spec_check.h"
#include "server/job/tune_spec_check.h"

namespace torpor {
namespace {

constexpr int kMaximumThreads = 256;
constexpr int kMaximumAttempts = 100;
constexpr int kDefaultAttempts = 3;
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

void CheckNamed(const std::string& path, const std::string& value, Violations& violations) {
  if (value.empty()) violations.Add(path, "must be set");
}

int EpochsOf(const v1::TrainSpec& spec) {
  return spec.epochs() == 0 ? kDefaultEpochs : spec.epochs();
}

void CheckCourse(const v1::TrainSpec& spec, Violations& violations) {
  const std::string path = "spec.train.";
  if (!v1::Schedule::Kind_IsValid(spec.schedule()))
    violations.Add(path + "schedule", "must be CONSTANT or COSINE");
  // Written so that NaN fails.
  if (!(spec.warmup_epochs() >= 0 && spec.warmup_epochs() <= EpochsOf(spec))) {
    violations.Add(path + "warmup_epochs",
                   absl::StrCat("must be in 0..", EpochsOf(spec),
                                ", the epochs of this training, got ", spec.warmup_epochs()));
  }
  Augmenter::Check(spec.augmentation(), EpochsOf(spec), path, violations);
}

void CheckTrain(const v1::TrainSpec& spec, Violations& violations) {
  const std::string path = "spec.train.";
  CheckNamed(path + "dataset", spec.dataset(), violations);
  CheckRange(path + "epochs", spec.epochs(), 0, kMaximumEpochs, violations);
  CheckRange(path + "batch_size", spec.batch_size(), 0, kMaximumBatch, violations);
  CheckNotNegative(path + "validation_samples", spec.validation_samples(), violations);
  CheckNotNegative(path + "train_samples", spec.train_samples(), violations);
  CheckNotNegative(path + "calibration_samples", spec.calibration_samples(), violations);
  CheckNotNegative(path + "publish_every", spec.publish_every(), violations);
  if (!v1::Loss::Kind_IsValid(spec.loss())) violations.Add(path + "loss", "must be BCE, MSE or CE");
  if (!v1::Optimizer::Kind_IsValid(spec.optimizer()))
    violations.Add(path + "optimizer", "must be ADAM or SGD");
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
  CheckCourse(spec, violations);
}

// The field that holds the kind, e.g. "spec.train.".
std::string KindPath(const v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kTrain:
      return "spec.train.";
    case v1::JobSpec::kEvaluate:
      return "spec.evaluate.";
    case v1::JobSpec::kCalibrate:
      return "spec.calibrate.";
    case v1::JobSpec::kTune:
      return "spec.tune.";
    case v1::JobSpec::kPowerSearch:
      return "spec.power_search.";
    default:
      return "spec.power_sweep.";
  }
}

absl::Status CheckTrainAgainst(const v1::TrainSpec& spec, const v1::Dataset& dataset,
                               Model& model) {
  const int64_t samples = spec.train_samples() > 0
                              ? std::min<int64_t>(spec.train_samples(), dataset.train_samples())
                              : dataset.train_samples();
  if (spec.validation_samples() >= samples) {
    return FieldError("spec.train.validation_samples",
                      absl::StrCat("must leave samples to train on: at most ", samples - 1, " of ",
                                   samples, ", got ", spec.validation_samples()));
  }
  if (Augmenter::Changes(spec.augmentation())) {
    const std::vector<int64_t> shape(dataset.sample_shape().begin(), dataset.sample_shape().end());
    TORPOR_RETURN_IF_ERROR(WithFieldPrefix(
        Augmenter::Create(spec.augmentation(), shape, spec.seed()).status(), "spec.train."));
  }
  ThreadPool pool(1);
  return WithFieldPrefix(model.NewTrainer(spec, &pool).status(), "spec.train.");
}

}  // namespace

std::string DatasetOf(const v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kTrain:
      return spec.train().dataset();
    case v1::JobSpec::kEvaluate:
      return spec.evaluate().dataset();
    case v1::JobSpec::kCalibrate:
      return spec.calibrate().dataset();
    case v1::JobSpec::kPowerSweep:
      return spec.power_sweep().dataset();
    case v1::JobSpec::kTune:
      return spec.tune().dataset();
    case v1::JobSpec::kPowerSearch:
      return spec.power_search().dataset();
    case v1::JobSpec::kSelect:
      return spec.select().dataset();
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
  return "";
}

void SetDataset(v1::JobSpec& spec, const std::string& name) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kTrain:
      return spec.mutable_train()->set_dataset(name);
    case v1::JobSpec::kEvaluate:
      return spec.mutable_evaluate()->set_dataset(name);
    case v1::JobSpec::kCalibrate:
      return spec.mutable_calibrate()->set_dataset(name);
    case v1::JobSpec::kPowerSweep:
      return spec.mutable_power_sweep()->set_dataset(name);
    case v1::JobSpec::kTune:
      return spec.mutable_tune()->set_dataset(name);
    case v1::JobSpec::kPowerSearch:
      return spec.mutable_power_search()->set_dataset(name);
    case v1::JobSpec::kSelect:
      return spec.mutable_select()->set_dataset(name);
    case v1::JobSpec::KIND_NOT_SET:
      return;
  }
}

void FillDefaults(v1::JobSpec& spec) {
  if (spec.threads() == 0) spec.set_threads(std::min(AvailableCpus(), kMaximumThreads));
  if (spec.max_attempts() == 0) spec.set_max_attempts(kDefaultAttempts);
  if (spec.has_train()) {
    v1::TrainSpec& train = *spec.mutable_train();
    if (train.epochs() == 0) train.set_epochs(kDefaultEpochs);
    if (train.optimizer() == v1::Optimizer::UNSPECIFIED) train.set_optimizer(v1::Optimizer::ADAM);
    if (train.optimizer() == v1::Optimizer::SGD && !train.has_momentum()) train.set_momentum(0.9);
  }
  if (spec.has_evaluate()) FillEvaluateDefaults(*spec.mutable_evaluate());
  if (spec.has_power_sweep()) FillPowerSweepDefaults(*spec.mutable_power_sweep());
  if (spec.has_tune()) FillTuneDefaults(*spec.mutable_tune());
  if (spec.has_power_search()) FillPowerSearchDefaults(*spec.mutable_power_search());
}

absl::Status CheckBounds(const v1::JobSpec& spec) {
  Violations violations;
  CheckNamed("spec.session", spec.session(), violations);
  CheckRange("spec.threads", spec.threads(), 0, kMaximumThreads, violations);
  CheckRange("spec.max_attempts", spec.max_attempts(), 0, kMaximumAttempts, violations);
  switch (spec.kind_case()) {
    case v1::JobSpec::kTrain:
      CheckTrain(spec.train(), violations);
      break;
    case v1::JobSpec::kEvaluate:
      CheckEvaluateBounds(spec.evaluate(), violations);
      break;
    case v1::JobSpec::kCalibrate:
      CheckNamed("spec.calibrate.dataset", spec.calibrate().dataset(), violations);
      CheckNotNegative("spec.calibrate.samples", spec.calibrate().samples(), violations);
      break;
    case v1::JobSpec::kPowerSweep:
      CheckPowerSweepBounds(spec.power_sweep(), violations);
      break;
    case v1::JobSpec::kTune:
      CheckTuneBounds(spec.tune(), violations);
      break;
    case v1::JobSpec::kPowerSearch:
      CheckPowerSearchBounds(spec.power_search(), violations);
      break;
    case v1::JobSpec::kSelect:
    case v1::JobSpec::KIND_NOT_SET:
      violations.Add(
          "spec", "must have one of train, evaluate, calibrate, power_sweep, tune, power_search");
      break;
  }
  return violations.ToStatus();
}

absl::Status FitToSession(v1::JobSpec& spec, const SessionSnapshot& session,
                          const v1::Dataset& dataset, ModelFactory factory) {
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, ParseModel(session.archive, factory));
  if (spec.has_train()) model->FillTrainDefaults(*spec.mutable_train());
  int64_t features = 1;
  for (int64_t dimension : dataset.sample_shape()) features *= dimension;
  if (features != model->features()) {
    return FieldError(KindPath(spec) + "dataset",
                      absl::StrCat("samples of ", dataset.name(), " have ", features,
                                   " values, the network takes ", model->features()));
  }
  if (dataset.classes() > model->classes()) {
    return FieldError(KindPath(spec) + "dataset",
                      absl::StrCat(dataset.name(), " has ", dataset.classes(),
                                   " classes, the network ", model->classes()));
  }
  if (spec.has_train()) return CheckTrainAgainst(spec.train(), dataset, *model);
  if (spec.has_power_sweep()) return CheckPowerSweepAgainst(spec.power_sweep(), *model);
  if (spec.has_tune()) return CheckTuneAgainst(spec.tune(), session.mode, *model);
  if (spec.has_power_search()) return CheckPowerSearchAgainst(spec.power_search(), *model);
  return absl::OkStatus();
}

}  // namespace torpor
