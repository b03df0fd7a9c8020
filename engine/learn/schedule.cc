#include "engine/learn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"

namespace torpor {
namespace {

constexpr double kDefaultSteps[] = {0.5, 0.75};
constexpr double kDefaultFactor = 0.5;

}  // namespace

void FillSchedule(v1::Schedule::Kind family, v1::TrainSpec& spec) {
  if (spec.schedule() == v1::Schedule::UNSPECIFIED) spec.set_schedule(family);
  if (spec.schedule() != v1::Schedule::STEPS) return;
  if (spec.step_at().empty()) {
    for (const double at : kDefaultSteps) spec.add_step_at(at);
  }
  if (!spec.has_step_factor()) spec.set_step_factor(kDefaultFactor);
}

void CheckSchedule(const v1::TrainSpec& spec, const std::string& path, Violations& violations) {
  if (!v1::Schedule::Kind_IsValid(spec.schedule())) {
    violations.Add(path + "schedule", "must be one of CONSTANT, COSINE, STEPS");
    return;
  }
  if (spec.schedule() != v1::Schedule::STEPS) {
    constexpr char kStepsAlone[] = "is for the schedule STEPS alone";
    if (!spec.step_at().empty()) violations.Add(path + "step_at", kStepsAlone);
    if (spec.has_step_factor()) violations.Add(path + "step_factor", kStepsAlone);
    return;
  }
  double before = 0;
  for (int i = 0; i < spec.step_at_size(); ++i) {
    const double at = spec.step_at(i);
    // Written so that NaN fails.
    if (!(at > before && at < 1)) {
      violations.Add(
          absl::StrCat(path, "step_at[", i, "]"),
          i == 0 ? absl::StrCat("must be in (0, 1), got ", at)
                 : absl::StrCat("must be in (", before, ", 1), above the one before, got ", at));
      break;
    }
    before = at;
  }
  if (spec.has_step_factor() && !(spec.step_factor() > 0 && spec.step_factor() <= 1)) {
    violations.Add(path + "step_factor",
                   absl::StrCat("must be in (0, 1], got ", spec.step_factor()));
  }
}

LearningRate::LearningRate(const v1::TrainSpec& spec, double rate)
    : rate_(rate),
      cosine_(spec.schedule() == v1::Schedule::COSINE),
      warmup_(spec.warmup_epochs() / (spec.epochs() == 0 ? 5 : spec.epochs())) {
  if (spec.schedule() != v1::Schedule::STEPS) return;
  v1::TrainSpec filled = spec;
  FillSchedule(v1::Schedule::STEPS, filled);
  step_at_.assign(filled.step_at().begin(), filled.step_at().end());
  step_factor_ = filled.step_factor();
}

double LearningRate::At(double progress) const {
  double rate = rate_;
  if (cosine_) rate *= 0.01 + 0.99 * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  const auto passed = std::upper_bound(step_at_.begin(), step_at_.end(), progress);
  rate *= std::pow(step_factor_, static_cast<double>(passed - step_at_.begin()));
  if (progress < warmup_) rate *= progress / warmup_;
  return rate;
}

}  // namespace torpor
