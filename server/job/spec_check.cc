#include "server/job/spec_check.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/data/augment.h"
#include "server/job/power_spec_check.h"
#include "server/job/select_spec_check.h"
#include "server/job/train_spec_check.h"
#include "server/job/tune_spec_check.h"

namespace torpor {
namespace {

constexpr int kMaximumThreads = 256;
constexpr int kMaximumAttempts = 100;
constexpr int kDefaultAttempts = 3;

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
    case v1::JobSpec::kSelect:
      return "spec.select.";
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
  if (spec.has_evaluate()) FillEvaluateDefaults(*spec.mutable_evaluate());
  if (spec.has_power_sweep()) FillPowerSweepDefaults(*spec.mutable_power_sweep());
  if (spec.has_tune()) FillTuneDefaults(*spec.mutable_tune());
  if (spec.has_power_search()) FillPowerSearchDefaults(*spec.mutable_power_search());
  if (spec.has_select()) FillSelectDefaults(*spec.mutable_select());
}

absl::Status CheckBounds(const v1::JobSpec& spec) {
  Violations violations;
  CheckNamed("spec.session", spec.session(), violations);
  CheckRange("spec.threads", spec.threads(), 0, kMaximumThreads, violations);
  CheckRange("spec.max_attempts", spec.max_attempts(), 0, kMaximumAttempts, violations);
  switch (spec.kind_case()) {
    case v1::JobSpec::kTrain:
      CheckNamed("spec.train.dataset", spec.train().dataset(), violations);
      CheckTrainSettings(spec.train(), "spec.train.", violations);
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
      CheckSelectBounds(spec.select(), violations);
      break;
    case v1::JobSpec::KIND_NOT_SET:
      violations.Add("spec",
                     "must have one of train, evaluate, calibrate, power_sweep, tune, "
                     "power_search, select");
      break;
  }
  return violations.ToStatus();
}

absl::Status FitToSession(v1::JobSpec& spec, const SessionSnapshot& session,
                          const v1::Dataset& dataset, ModelFactory factory) {
  if (spec.has_select()) {
    return FitSelect(*spec.mutable_select(), session.archive, dataset, factory);
  }
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, ParseModel(session.archive, factory));
  if (spec.has_train()) {
    model->FillTrainDefaults(*spec.mutable_train());
    FillTrainSettings(*spec.mutable_train());
  }
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
