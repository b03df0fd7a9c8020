// One training of a selection: as a training job does it, but in stretches, with what it has
// learned measured in between.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/job/training_batches.h"
#include "engine/network/deployment.h"
#include "engine/network/model.h"
#include "torpor/v1/selection.pb.h"

namespace torpor {

// A network in training. It shows samples in the order of a training job of the same specification
// and seed, and comes to the same parameters. Not thread-safe.
class SelectTraining {
 public:
  // `spec` has its defaults and this training's seed; `train` is what is trained on. `pool` and
  // `cancellation` outlive it. INVALID_ARGUMENT names fields of the spec.
  static absl::StatusOr<std::unique_ptr<SelectTraining>> Create(std::unique_ptr<Model> model,
                                                                const v1::TrainSpec& spec,
                                                                Dataset train, ThreadPool* pool,
                                                                const Cancellation* cancellation);

  // Trains until `samples` were shown, the end of a batch (BatchEnd). `after_batch` is told of each
  // batch's samples. FAILED_PRECONDITION with reason DIVERGED when the loss is no longer finite.
  absl::Status TrainTo(int64_t samples, const std::function<void(int64_t)>& after_batch);

  // Makes the parameters fit to be measured, with the first `samples` training samples.
  absl::Status Finish(int64_t samples);

  int64_t trained() const { return trained_; }
  // As Finish left it.
  const Model& model() const { return *model_; }

 private:
  SelectTraining(std::unique_ptr<Model> model, v1::TrainSpec spec, Dataset train, ThreadPool* pool,
                 const Cancellation* cancellation);
  // Learns from the batch that begins there; the number of its samples.
  absl::StatusOr<int64_t> Step(int64_t epoch, int64_t first);

  const std::unique_ptr<Model> model_;
  const v1::TrainSpec spec_;
  const Dataset train_;
  ThreadPool* const pool_;
  const Cancellation* const cancellation_;
  std::unique_ptr<Trainer> trainer_;
  std::optional<TrainingBatches> batches_;
  // Samples shown since the start.
  int64_t trained_ = 0;
};

// Accuracy on `data`, and the mean energy of an inference by `profile`, or where that is null by
// the family's own profile; unset where one of the two is unknown.
absl::StatusOr<v1::SelectMeasurement> MeasureSelection(const Deployment& deployment,
                                                       const Dataset& data,
                                                       const v1::DeviceProfile* profile,
                                                       ThreadPool* pool,
                                                       const Cancellation& cancellation);

}  // namespace torpor
