// The learning rate over a run.
#pragma once

#include <string>
#include <vector>

#include "engine/base/status.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Sets what a specification leaves open of its schedule: the family's, and of STEPS the bounds (1/2
// and 3/4) and the factor (1/2).
void FillSchedule(v1::Schedule::Kind family, v1::TrainSpec& spec);

// A schedule that is known; step_at ascending in (0, 1) and step_factor in (0, 1], both with STEPS
// alone. Violations name fields of the spec below `path`, e.g. "spec.train.".
void CheckSchedule(const v1::TrainSpec& spec, const std::string& path, Violations& violations);

// Immutable, hence thread-safe. A rate depends on the place in the run alone, so a resumed run has
// those of the uninterrupted one.
class LearningRate {
 public:
  // `rate` > 0 is the highest. Of the spec: schedule (UNSPECIFIED means CONSTANT), epochs (0 means
  // 5), warmup_epochs and, for STEPS, step_at and step_factor. The spec was checked.
  LearningRate(const v1::TrainSpec& spec, double rate);

  // At `progress`, the share of all steps that came before, in [0, 1]: the rate itself, for COSINE
  // (1 + 99 (1 + cos(pi progress)) / 2) / 100 of it, for STEPS as many times the factor of it as
  // there are bounds at most `progress`; times the share of the warm-up that is over.
  double At(double progress) const;

 private:
  double rate_;
  bool cosine_;
  // Share of the run in which the rate rises from 0.
  double warmup_;
  // Of STEPS, ascending; empty else.
  std::vector<double> step_at_;
  double step_factor_ = 1;
};

}  // namespace torpor
