// Training a rate network by backpropagation.
#pragma once

#include <memory>
#include <vector>

#include "engine/learn/optimizer.h"
#include "engine/learn/schedule.h"
#include "engine/network/model.h"
#include "engine/rate/layer_trainer.h"
#include "engine/rate/model.h"

namespace torpor {

// What a training run changes, and what it is given.
struct RateTrainerScope {
  // The weights stay as they are.
  bool biases_only = false;
  // The batch's inputs are the products W u of the first layer [samples x outputs of that layer],
  // which stay the same while its weights do. With biases_only.
  bool first_products = false;
};

// Takes the layers forward, back and through the update in order; what each kind of layer does is
// in layer_trainer.h, which also says why results do not depend on the number of threads. Not
// thread-safe; model and pool outlive it.
class RateTrainer final : public Trainer {
 public:
  // INVALID_ARGUMENT names fields of the spec ("loss", "learning_rate", ...); a network with STEP
  // activations has no gradient and is refused with FAILED_PRECONDITION.
  static absl::Status Check(const RateModel& model, const v1::TrainSpec& spec);
  // Errors are those of Check.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(RateModel* model,
                                                         const v1::TrainSpec& spec,
                                                         ThreadPool* pool,
                                                         RateTrainerScope scope = {});
  // A loss that is not finite is FAILED_PRECONDITION with reason DIVERGED; the parameters are then
  // as before the step.
  absl::Status Step(const Batch& batch, StepReport& report) override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

 private:
  struct LayerState {
    std::unique_ptr<LayerTrainer> trainer;
    // x = f(s) of the batch [samples x outputs]; s itself in the last layer.
    Matrix output;
    // dL/ds [samples x outputs].
    Matrix delta;
  };
  struct UpdatePart {
    size_t layer;
    int part;
  };

  RateTrainer(RateModel* model, const v1::TrainSpec& spec, ThreadPool* pool,
              RateTrainerScope scope);
  void Reserve(Eigen::Index samples);
  absl::Status CheckBatch(const Batch& batch) const;
  void OutputDelta(const Batch& batch, StepReport& report);

  RateModel* model_;
  ThreadPool* pool_;
  RateTrainerScope scope_;
  v1::Loss::Kind loss_;
  v1::Optimizer::Kind optimizer_;
  LearningRate rate_;
  float momentum_;
  int64_t step_ = 0;
  TrainingContext context_ = {};
  std::vector<LayerState> layers_;
  std::vector<UpdatePart> update_parts_;
  // The first layer with weights.
  size_t first_weights_ = 0;
};

}  // namespace torpor
