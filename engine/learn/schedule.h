// The learning rate over a run.
#pragma once

#include "torpor/v1/training.pb.h"

namespace torpor {

// Immutable, hence thread-safe. A rate depends on the place in the run alone, so a resumed run has
// those of the uninterrupted one.
class LearningRate {
 public:
  // `rate` > 0 is the highest. Of the spec: schedule (UNSPECIFIED means CONSTANT), epochs (0 means
  // 5), warmup_epochs.
  LearningRate(const v1::TrainSpec& spec, double rate);

  // At `progress`, the share of all steps that came before, in [0, 1]: the rate itself or, for
  // COSINE, (1 + 99 (1 + cos(pi progress)) / 2) / 100 of it; times the share of the warm-up that is
  // over.
  double At(double progress) const;

 private:
  double rate_;
  bool cosine_;
  // Share of the run in which the rate rises from 0.
  double warmup_;
};

}  // namespace torpor
