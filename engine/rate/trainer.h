// Training a rate network by backpropagation.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "engine/learn/optimizer.h"
#include "engine/network/model.h"
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

// Work is cut into tiles whose sizes depend on shapes alone; each tile has its own outputs, so
// results do not depend on the number of threads. The gradient of a tile of weights is consumed by
// the optimiser while it is in cache: there is no gradient array. Not thread-safe; model and pool
// outlive it.
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
  // Optimiser state beside one array of parameters: Adam's moments, or SGD's velocity in `first`.
  struct Moments {
    std::vector<float> first;
    std::vector<float> second;
  };
  struct LayerState {
    Moments weight;
    Moments bias;
    // x = f(s) of the batch [samples x units]; s itself in the last layer.
    Matrix output;
    // dL/ds [samples x units].
    Matrix delta;
  };
  // A rectangle of one layer's weights.
  struct WeightTile {
    size_t layer;
    int first_unit, units, first_input, inputs;
  };

  RateTrainer(RateModel* model, const v1::TrainSpec& spec, ThreadPool* pool,
              RateTrainerScope scope);
  void Reserve(Eigen::Index samples);
  ConstMatrixView LayerInput(size_t l, const Batch& batch) const;
  void Forward(size_t l, const Batch& batch, const RateLayerParameters& parameters);
  void OutputDelta(const Batch& batch, StepReport& report);
  void BackwardDelta(size_t l, Eigen::Index samples, const RateLayerParameters& parameters);
  void UpdateTile(const WeightTile& tile, const Batch& batch, const AdamStep& adam,
                  RateLayerParameters& parameters);
  void Update(const AdamStep& adam, std::span<const float> gradient, std::span<float> parameters,
              std::span<float> first, std::span<float> second) const;
  std::unique_ptr<Matrix> TakeScratch();
  void ReturnScratch(std::unique_ptr<Matrix> scratch);

  RateModel* model_;
  ThreadPool* pool_;
  RateTrainerScope scope_;
  v1::Loss::Kind loss_;
  v1::Optimizer::Kind optimizer_;
  double learning_rate_;
  float momentum_;
  int64_t step_ = 0;
  std::vector<LayerState> layers_;
  std::vector<WeightTile> tiles_;
  // Gradients of tiles in work: at most one a thread.
  std::mutex scratch_mutex_;
  std::vector<std::unique_ptr<Matrix>> scratch_;
};

}  // namespace torpor
