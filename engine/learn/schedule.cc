#include "engine/learn/schedule.h"

#include <cmath>
#include <numbers>

namespace torpor {

LearningRate::LearningRate(const v1::TrainSpec& spec, double rate)
    : rate_(rate),
      cosine_(spec.schedule() == v1::Schedule::COSINE),
      warmup_(spec.warmup_epochs() / (spec.epochs() == 0 ? 5 : spec.epochs())) {}

double LearningRate::At(double progress) const {
  double rate = rate_;
  if (cosine_) rate *= 0.01 + 0.99 * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  if (progress < warmup_) rate *= progress / warmup_;
  return rate;
}

}  // namespace torpor
