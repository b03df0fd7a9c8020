// What `torpor job submit train` says of a training.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "torpor/v1/training.pb.h"

namespace torpor::cli {

struct TrainFlags {
  std::string dataset, file, loss, optimizer;
  int epochs = 0, batch = 0;
  double learning_rate = 0, momentum = 0;
  uint64_t seed = 0;
  int64_t validation_samples = 0, train_samples = 0;
  int64_t calibration_samples = 0;
  bool no_deploy = false, from_session = false;
  int publish_every = 0;
  // The course of the learning rate.
  std::string schedule, step_at;
  double step_factor = 0, warmup = 0;
  // Changed images.
  std::string augment;
  double rotation = 0, shift = 0, rescale = 0;
  int plain_epochs = 0;
  // Networks of cores.
  std::string method;
  double bias_rate = 0, variance_floor = 0, loss_scale = 0, averaging = 0;
  // Competing neurons.
  std::string rule;
  double rate_decay = 0, depression_rate = 0, depression_target = 0, weight_sum = 0;
};

// `flags` outlives `command`.
void AddTrainFlags(CLI::App& command, TrainFlags& flags);

// The recipe's `train` first, then what the flags given to `command` say.
absl::StatusOr<v1::TrainSpec> BuildTrainSpec(Context& context, const CLI::App& command,
                                             const TrainFlags& flags);

}  // namespace torpor::cli
