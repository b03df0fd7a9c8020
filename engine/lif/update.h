// One step of learning: from gradients to learned weights.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "engine/base/thread_pool.h"
#include "engine/lif/training_settings.h"
#include "engine/lif/weights.h"
#include "engine/network/archive.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Changes learned weights by an optimiser, or in integers, and keeps what that needs from step to
// step. The same bits for any number of threads. Not thread-safe.
class LifUpdate {
 public:
  // `spec` was checked; `definition` outlives it.
  LifUpdate(const LifDefinition* definition, const v1::TrainSpec& spec,
            const LifParameters& learned);

  // The next step, at this learning rate. `gradients` are those of the batch's mean loss.
  void Apply(double rate, const LifParameters& gradients, ThreadPool* pool, LifParameters& learned);
  int64_t steps() const { return step_; }

  void Save(ArchiveWriter& archive) const;
  // DATA_LOSS for a damaged archive, FAILED_PRECONDITION where it was made by another optimiser.
  absl::Status Load(const ArchiveReader& archive);

 private:
  void ApplyIntegers(double rate, const LifParameters& gradients, LifParameters& learned);
  // What a checkpoint must have in common with this.
  std::string Kind() const;

  const LifDefinition* definition_;
  v1::Optimizer::Kind optimizer_;
  float momentum_ = 0;
  bool integers_ = false;
  LifIntegers bits_;
  uint64_t seed_ = 0;
  int64_t step_ = 0;
  // Adam's moments, Adamax's largest gradients, SGD's velocity; empty where there are none.
  LifParameters first_, second_;
};

}  // namespace torpor
