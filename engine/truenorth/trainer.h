// Learning the crossbars of a grid of cores (A. Jimeno Yepes and J. Tang, "Improving energy
// efficiency and classification accuracy of neuromorphic chips by learning binary synaptic
// crossbars", algorithm 1).
#pragma once

#include <memory>

#include "engine/learn/schedule.h"
#include "engine/network/model.h"
#include "engine/truenorth/grid.h"
#include "engine/truenorth/grid_pass.h"

namespace torpor {

class TrueNorthModel;

// Adam on connections, clipped to [0, 1], and leaks; what a step's gradient is says grid_pass.h.
// With averaging the model holds the averages, which are deployed, while learning goes on from the
// last values. The same bits for any number of threads. Not thread-safe; model and pool outlive it.
class TrueNorthTrainer final : public Trainer {
 public:
  // INVALID_ARGUMENT names fields of the spec: a loss other than CE, an optimiser other than Adam,
  // a method that is not known ("truenorth.method"), numbers out of bounds.
  static absl::Status Check(const v1::TrainSpec& spec);
  // Errors are those of Check. What the spec leaves open is the family's default.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(TrueNorthModel* model,
                                                         const v1::TrainSpec& spec,
                                                         ThreadPool* pool);

  // A loss that is not finite is FAILED_PRECONDITION with reason DIVERGED; the parameters are then
  // as before the step.
  absl::Status Step(const Batch& batch, StepReport& report) override;
  void Save(ArchiveWriter& archive) const override;
  // FAILED_PRECONDITION where the checkpoint was made with another method or averaging.
  absl::Status Load(const ArchiveReader& archive) override;

 private:
  TrueNorthTrainer(TrueNorthModel* model, const v1::TrainSpec& spec, ThreadPool* pool);
  absl::Status CheckBatch(const Batch& batch) const;
  // One part of the update: gradient, Adam, clip and average.
  void Update(const CoreBlock& block, double rate, GridParameters& live, GridParameters& deployed);

  TrueNorthModel* model_;
  ThreadPool* pool_;
  GridPass pass_;
  LearningRate rate_;
  v1::TrueNorthTraining::Method::Kind method_;
  // From a class's mean output to its logit.
  double loss_scale_;
  // Learning rate of leaks over that of connections.
  double bias_rate_;
  // Decay of the averages; 0: none are kept.
  double averaging_;
  int64_t step_ = 0;
  // Adam's moments.
  GridParameters first_, second_;
  // The last parameters, with averaging; empty without: the model's own are the last.
  GridParameters last_;
};

}  // namespace torpor
