// The minibatches of a training run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/gemm.h"
#include "engine/base/thread_pool.h"
#include "engine/data/augment.h"
#include "engine/data/dataset.h"
#include "engine/network/model.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Samples in an order that is drawn anew for each epoch, images changed as the specification says:
// a function of specification, data, epoch and place alone. Not thread-safe.
class TrainingBatches {
 public:
  // Of the spec: batch size, epochs, seed, augmentation. `pool` outlives it. INVALID_ARGUMENT names
  // fields of the augmentation, which is for images and hence not for samples with targets.
  static absl::StatusOr<TrainingBatches> Create(const v1::TrainSpec& spec, Dataset train,
                                                ThreadPool* pool);

  // The batch that begins with the epoch's sample `first`, at most as long as the epoch; valid
  // until the next call.
  Batch Get(int64_t epoch, int64_t first);

 private:
  TrainingBatches(const v1::TrainSpec& spec, Dataset train, ThreadPool* pool);
  void Gather(int64_t epoch, int64_t first, int64_t count);

  v1::TrainSpec spec_;
  Dataset train_;
  ThreadPool* pool_;
  // Where images are to be changed.
  std::optional<Augmenter> augmenter_;
  // Of the epoch that it is of.
  std::vector<uint32_t> order_;
  int64_t order_epoch_ = -1;
  Matrix inputs_;  // [batch x features]
  std::vector<int32_t> labels_;
  std::vector<uint8_t> targets_;  // [batch x target values]
};

}  // namespace torpor
