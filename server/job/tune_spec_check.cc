#include "server/job/tune_spec_check.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/learn/train_checks.h"
#include "engine/network/tune_modes.h"

namespace torpor {
namespace {

constexpr int kMaximumEpsilons = 1000;
constexpr int kMaximumEpochs = 1000;
constexpr int kMaximumBatch = 65536;

std::string Path(const std::string& field) { return absl::StrCat("spec.tune.", field); }

void CheckEpsilon(const std::string& field, double epsilon, Violations& violations) {
  // Written so that NaN fails.
  if (epsilon > 0 && epsilon <= 1) return;
  violations.Add(Path(field), absl::StrCat("must be in (0, 1], got ", epsilon));
}

void CheckCount(const std::string& field, int64_t value, int64_t most, Violations& violations) {
  if (value >= 0 && value <= most) return;
  violations.Add(Path(field), absl::StrCat("must be in 1..", most, ", got ", value));
}

// Settings of descent alone.
void CheckDescent(const v1::TuneSpec& spec, Violations& violations) {
  CheckCount("epochs", spec.epochs(), kMaximumEpochs, violations);
  CheckCount("batch_size", spec.batch_size(), kMaximumBatch, violations);
  if (spec.has_learning_rate() &&
      !(spec.learning_rate() > 0 && std::isfinite(spec.learning_rate()))) {
    violations.Add(Path("learning_rate"),
                   absl::StrCat("must be above 0 and finite, got ", spec.learning_rate()));
  }
  if (spec.method() != v1::TuneSpec::Method::NEWTON) return;
  constexpr char kAdamAlone[] = "is for the method ADAM alone";
  if (spec.epochs() != 0) violations.Add(Path("epochs"), kAdamAlone);
  if (spec.batch_size() != 0) violations.Add(Path("batch_size"), kAdamAlone);
  if (spec.has_learning_rate()) violations.Add(Path("learning_rate"), kAdamAlone);
}

}  // namespace

void CheckTuneBounds(const v1::TuneSpec& spec, Violations& violations) {
  if (spec.dataset().empty()) violations.Add(Path("dataset"), "must be set");
  if (spec.epsilon_size() > kMaximumEpsilons) {
    violations.Add(Path("epsilon"), absl::StrCat("must have at most ", kMaximumEpsilons,
                                                 " values, got ", spec.epsilon_size()));
  }
  for (int i = 0; i < spec.epsilon_size(); ++i) {
    CheckEpsilon(absl::StrCat("epsilon[", i, "]"), spec.epsilon(i), violations);
  }
  for (const auto& [layer, epsilon] : spec.layer_epsilon()) {
    CheckEpsilon(absl::StrCat("layer_epsilon[", layer, "]"), epsilon, violations);
  }
  if (!v1::BiasPolicy::Kind_IsValid(spec.start()) || spec.start() == v1::BiasPolicy::TUNED) {
    violations.Add(Path("start"), "must be one of NONE, TABLE, HOMOGENEOUS, EMPIRICAL, MATCHED");
  }
  CheckLoss(spec.loss(), {v1::Loss::BCE, v1::Loss::MSE, v1::Loss::CE}, Path("loss"), violations);
  if (!v1::TuneSpec::Method::Kind_IsValid(spec.method())) {
    violations.Add(Path("method"), "must be ADAM or NEWTON");
  }
  CheckDescent(spec, violations);
  if (spec.samples() < 0) {
    violations.Add(Path("samples"), absl::StrCat("must not be negative, got ", spec.samples()));
  }
}

void FillTuneDefaults(v1::TuneSpec& spec) {
  if (spec.start() == v1::BiasPolicy::UNSPECIFIED) spec.set_start(v1::BiasPolicy::NONE);
  if (spec.method() == v1::TuneSpec::Method::UNSPECIFIED) {
    spec.set_method(v1::TuneSpec::Method::ADAM);
  }
  if (spec.method() != v1::TuneSpec::Method::ADAM) return;
  if (spec.epochs() == 0) spec.set_epochs(3);
  if (!spec.has_learning_rate()) spec.set_learning_rate(1e-2);
  if (spec.batch_size() == 0) spec.set_batch_size(128);
}

absl::Status CheckTuneAgainst(const v1::TuneSpec& spec, const v1::PowerMode& session,
                              const Model& model) {
  // The modes differ in an epsilon that was found to be within its bounds.
  return WithFieldPrefix(model.CheckTune(spec, TuneModes(spec, session).front()), "spec.tune.");
}

}  // namespace torpor
