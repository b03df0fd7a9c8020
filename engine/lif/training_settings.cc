#include "engine/lif/training_settings.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/schedule.h"
#include "engine/learn/train_checks.h"
#include "engine/network/number_bound.h"

namespace torpor {
namespace {

constexpr double kLearningRate = 2e-3;
// In steps of the gradients' grid: the figures of integer_errors.h are about as good from 4 to 16.
constexpr double kIntegerLearningRate = 8;
constexpr int kBatch = 128;
constexpr double kSlope = 5;
// Input values of a batch, whose samples are encoded before it is learned from: four bytes each.
constexpr int64_t kMostBatchValues = int64_t{1} << 30;
constexpr int kLeastBits = 2;
constexpr int kMostBits = 16;

void CheckIntegers(const LifDefinition& definition, const v1::TrainSpec& spec,
                   Violations& violations) {
  const bool wage = definition.quantization.scheme() == v1::LifQuantization::Scheme::WAGE;
  if (!spec.lif().has_integers()) {
    if (wage) {
      violations.Add("lif.integers",
                     "must be set: the network's quantization is WAGE, which learns in integers");
    }
    return;
  }
  if (!wage) {
    violations.Add("lif.integers",
                   "needs a network whose quantization.scheme is WAGE; RANGE learns in floats");
  } else if (!definition.quantization.has_weight_bits()) {
    violations.Add("lif.integers", "needs a network whose quantization has weight_bits");
  }
  const v1::IntegerTraining& integers = spec.lif().integers();
  const auto check = [&](const char* path, bool given, int bits) {
    if (given && (bits < kLeastBits || bits > kMostBits)) {
      violations.Add(path,
                     absl::StrCat("must be in ", kLeastBits, "..", kMostBits, ", got ", bits));
    }
  };
  check("lif.integers.gradient_bits", integers.has_gradient_bits(), integers.gradient_bits());
  check("lif.integers.error_bits", integers.has_error_bits(), integers.error_bits());
  if (!v1::Rounding::Kind_IsValid(integers.rounding())) {
    violations.Add("lif.integers.rounding", "must be TRUNCATE, NEAREST or STOCHASTIC");
  }
  if (spec.optimizer() != v1::Optimizer::SGD && spec.optimizer() != v1::Optimizer::UNSPECIFIED) {
    violations.Add("optimizer", "must be SGD with lif.integers: a step is the gradient itself");
  }
}

// Values that the first layer may get of a sample.
int64_t InputValues(const LifDefinition& definition) {
  const bool once = definition.code == LifCode::kLatency || definition.code == LifCode::kDirect;
  return int64_t{definition.inputs} * (once ? 1 : definition.steps);
}

void CheckBatchSize(const LifDefinition& definition, int batch_size, Violations& violations) {
  if (batch_size < 0 || batch_size > 65536) {
    violations.Add("batch_size", absl::StrCat("must be in 1..65536, got ", batch_size));
    return;
  }
  const int64_t batch = batch_size == 0 ? kBatch : batch_size;
  const int64_t values = InputValues(definition);
  if (batch > kMostBatchValues / values) {
    violations.Add("batch_size",
                   absl::StrCat("must be at most ", kMostBatchValues / values,
                                " for this network, got ", batch, ": a sample has up to ", values,
                                " input values, a batch at most ", kMostBatchValues));
  }
}

}  // namespace

void FillLifDefaults(v1::TrainSpec& spec) {
  if (spec.loss() == v1::Loss::UNSPECIFIED) spec.set_loss(v1::Loss::CE);
  if (spec.lif().has_integers() && spec.optimizer() == v1::Optimizer::UNSPECIFIED) {
    spec.set_optimizer(v1::Optimizer::SGD);
  }
  if (!spec.has_learning_rate()) {
    spec.set_learning_rate(spec.lif().has_integers() ? kIntegerLearningRate : kLearningRate);
  }
  if (spec.batch_size() == 0) spec.set_batch_size(kBatch);
  FillSchedule(v1::Schedule::COSINE, spec);
}

absl::Status CheckLifTraining(const LifDefinition& definition, const v1::TrainSpec& spec) {
  Violations violations;
  if (definition.integrates) {
    CheckLoss(spec.loss(), {v1::Loss::CE}, "loss", violations);
  } else {
    CheckLoss(spec.loss(), {v1::Loss::CE, v1::Loss::SPIKE_COUNT, v1::Loss::VAN_ROSSUM}, "loss",
              violations);
  }
  CheckOptimizer(spec.optimizer(), {v1::Optimizer::ADAM, v1::Optimizer::ADAMAX, v1::Optimizer::SGD},
                 "optimizer", violations);
  CheckSchedule(spec, "", violations);
  CheckFamilySettings(spec, v1::Network::kLif, violations);
  const NumberBound positive;
  const NumberBound share = {.low_excluded = false, .high = 1};
  const NumberBound decay = {.low_excluded = false, .high = 1, .high_excluded = true};
  if (spec.has_learning_rate()) {
    CheckNumber("learning_rate", spec.learning_rate(), positive, violations);
  }
  CheckBatchSize(definition, spec.batch_size(), violations);
  if (spec.has_momentum() && spec.optimizer() != v1::Optimizer::SGD) {
    violations.Add("momentum", "is for the optimizer SGD alone");
  }
  if (spec.has_momentum()) CheckNumber("momentum", spec.momentum(), decay, violations);
  const v1::LifTraining& own = spec.lif();
  if (own.has_slope()) CheckNumber("lif.slope", own.slope(), positive, violations);
  if (own.has_right_share()) {
    CheckNumber("lif.right_share", own.right_share(), share, violations);
  }
  if (own.has_other_share()) {
    CheckNumber("lif.other_share", own.other_share(), share, violations);
  }
  if (own.has_filter_decay()) {
    CheckNumber("lif.filter_decay", own.filter_decay(), decay, violations);
  }
  CheckIntegers(definition, spec, violations);
  return violations.ToStatus();
}

LifSurrogate SurrogateOf(const v1::LifTraining& training) {
  return {.slope = static_cast<float>(training.has_slope() ? training.slope() : kSlope),
          .reset_gradient = training.reset_gradient()};
}

SpikeShares SharesOf(const v1::LifTraining& training) {
  SpikeShares shares;
  if (training.has_right_share()) shares.right = training.right_share();
  if (training.has_other_share()) shares.other = training.other_share();
  return shares;
}

VanRossum FilterOf(const v1::LifTraining& training) {
  VanRossum filter;
  if (training.has_filter_decay()) filter.decay = training.filter_decay();
  return filter;
}

LifIntegers IntegersOf(const v1::IntegerTraining& training) {
  LifIntegers integers;
  if (training.has_gradient_bits()) integers.gradient_bits = training.gradient_bits();
  if (training.has_error_bits()) integers.error_bits = training.error_bits();
  if (training.rounding() != v1::Rounding::UNSPECIFIED) integers.rounding = training.rounding();
  return integers;
}

}  // namespace torpor
