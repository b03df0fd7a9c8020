#include "engine/stdp/training_settings.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/schedule.h"
#include "engine/learn/train_checks.h"
#include "engine/network/number_bound.h"

namespace torpor {
namespace {

using Rule = v1::StdpTraining::Rule;

constexpr double kLearningRate = 1e-2;
constexpr int kBatch = 100;
constexpr int64_t kCalibrationSamples = 10000;
// Of the pair-wise rules with an inhibitory layer.
constexpr double kDepression = 1e-4;

void CheckAtLeastOne(const char* path, int value, Violations& violations) {
  if (value < 1) violations.Add(path, absl::StrCat("must be at least 1, got ", value));
}

void CheckUnused(const v1::TrainSpec& spec, Violations& violations) {
  if (spec.loss() != v1::Loss::UNSPECIFIED) {
    violations.Add("loss", "a network that learns by STDP descends no loss: leave it unset");
  }
  // ADAM is what a specification says that says nothing.
  if (spec.optimizer() != v1::Optimizer::UNSPECIFIED && spec.optimizer() != v1::Optimizer::ADAM) {
    violations.Add("optimizer", "a network that learns by STDP has no optimizer: leave it unset");
  }
  constexpr char kDecays[] =
      "a network that learns by STDP has stdp.rate_decay instead: leave it unset";
  if (spec.warmup_epochs() != 0) {
    violations.Add("warmup_epochs", kDecays);
  } else if (spec.schedule() != v1::Schedule::UNSPECIFIED &&
             spec.schedule() != v1::Schedule::CONSTANT) {
    violations.Add("schedule", kDecays);
  } else {
    CheckSchedule(spec, "", violations);
  }
  CheckFamilySettings(spec, v1::Network::kStdp, violations);
}

}  // namespace

void FillStdpDefaults(const StdpPlan& plan, v1::TrainSpec& spec) {
  if (!spec.has_learning_rate()) spec.set_learning_rate(kLearningRate);
  if (spec.batch_size() == 0) spec.set_batch_size(kBatch);
  if (spec.calibration_samples() == 0) spec.set_calibration_samples(kCalibrationSamples);
  v1::StdpTraining& own = *spec.mutable_stdp();
  if (own.rule() == Rule::UNSPECIFIED) own.set_rule(Rule::WINDOWED);
  if (!own.has_depression_rate()) {
    own.set_depression_rate(plan.parameters.inhibitory.has_value() ? kDepression : 0);
  }
  if (!own.has_rate_decay()) own.set_rate_decay(0.2);
  if (!own.has_trace_tau_ms()) own.set_trace_tau_ms(20);
  if (!own.has_window_steps()) own.set_window_steps(10);
  if (!own.has_spike_unit()) own.set_spike_unit(4);
  if (!own.has_depression_target()) own.set_depression_target(0);
  if (!own.has_gate_spikes()) own.set_gate_spikes(3);
  if (!own.has_weight_sum()) own.set_weight_sum(plan.parameters.inputs / 10.0);
}

absl::Status CheckStdpTraining(const v1::TrainSpec& spec) {
  const NumberBound positive;
  const NumberBound share = {.low_excluded = false, .high = 1};
  const NumberBound positive_share = {.high = 1};
  Violations violations;
  CheckUnused(spec, violations);
  CheckNumber("learning_rate", spec.learning_rate(), positive_share, violations);
  const v1::StdpTraining& own = spec.stdp();
  if (!Rule::Kind_IsValid(own.rule())) {
    violations.Add("stdp.rule", "must be PAIRWISE, WINDOWED or GATED");
  }
  CheckNumber("stdp.depression_rate", own.depression_rate(), share, violations);
  CheckNumber("stdp.rate_decay", own.rate_decay(), positive_share, violations);
  CheckNumber("stdp.trace_tau_ms", own.trace_tau_ms(), positive, violations);
  CheckAtLeastOne("stdp.window_steps", own.window_steps(), violations);
  CheckAtLeastOne("stdp.spike_unit", own.spike_unit(), violations);
  CheckNumber("stdp.depression_target", own.depression_target(), share, violations);
  CheckAtLeastOne("stdp.gate_spikes", own.gate_spikes(), violations);
  CheckNumber("stdp.weight_sum", own.weight_sum(), positive, violations);
  return violations.ToStatus();
}

LearningSettings LearningSettingsOf(const StdpPlan& plan, const v1::TrainSpec& spec) {
  const v1::StdpTraining& own = spec.stdp();
  LearningSettings settings;
  const float nu0 = static_cast<float>(own.depression_rate());
  switch (own.rule()) {
    case Rule::PAIRWISE:
      settings.rule = PairwiseSettings{.nu0 = nu0};
      break;
    case Rule::GATED:
      settings.rule = GatedSettings{.nu0 = nu0, .min_spikes = own.gate_spikes()};
      break;
    default:
      settings.rule = WindowedSettings{.window = own.window_steps(),
                                       .spike_threshold = own.spike_unit(),
                                       .target = static_cast<float>(own.depression_target())};
  }
  settings.trace_tau = static_cast<float>(own.trace_tau_ms() / plan.step_ms);
  settings.norm = static_cast<float>(own.weight_sum());
  if (plan.quantization.has_weight_bits()) {
    settings.weights = WeightFormat{.format = StdpWeightFormat(plan.quantization.weight_bits()),
                                    .rounding = plan.quantization.rounding(),
                                    .seed = spec.seed()};
  }
  return settings;
}

}  // namespace torpor
