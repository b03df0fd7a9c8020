// Learning by surrogate gradients through time (C. J. S. Schaefer et al., 2020; F. Zenke and S.
// Ganguli, "SuperSpike", 2018), in floats, through stored weights of few bits, or in integers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/learn/schedule.h"
#include "engine/lif/batch_pass.h"
#include "engine/lif/integer_errors.h"
#include "engine/lif/sample_encoder.h"
#include "engine/lif/training_counts.h"
#include "engine/lif/training_settings.h"
#include "engine/lif/update.h"
#include "engine/lif/weights.h"
#include "engine/network/model.h"

namespace torpor {

class LifModel;

// The gradient is that of the batch's mean loss at the stored weights, and changes the learned
// ones. With a rate code a sample's spikes are new each time that it is shown. The same bits for
// any number of threads. Not thread-safe; model and pool outlive it.
class LifTrainer final : public Trainer {
 public:
  // Errors are those of CheckLifTraining. What the spec leaves open is the family's default.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(LifModel* model, const v1::TrainSpec& spec,
                                                         ThreadPool* pool);

  // INVALID_ARGUMENT with path "dataset" for samples of another size, labels beyond the classes, or
  // targets that the loss needs and the samples lack. A loss that is not finite, or a
  // gradient of 1e18 or more, is FAILED_PRECONDITION with reason DIVERGED; the weights are then as
  // before the step.
  absl::Status Step(const Batch& batch, StepReport& report) override;
  TrainingActivity activity() const override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

 private:
  // Of one sample.
  struct Outcome {
    double loss = 0;
    bool correct = false;
    // Of spike trains, normalised.
    double distance = 0;
    LifLearnCounts counts;
  };
  LifTrainer(LifModel* model, const v1::TrainSpec& spec, ThreadPool* pool);
  absl::Status CheckBatch(const Batch& batch) const;
  void EncodeBatch(const Batch& batch);
  // One sample's way back; counts nothing.
  Outcome Learn(const Batch& batch, int64_t sample, LifNetworkPass& pass,
                std::span<const LifGradients> gradients,
                const LifNetworkPass::ErrorHook& hook) const;
  void LearnSpikes(const Batch& batch, int64_t sample, float scale, LifNetworkPass& pass,
                   std::span<const LifGradients> gradients, const LifNetworkPass::ErrorHook& hook,
                   Outcome& outcome) const;

  LifModel* model_;
  v1::TrainSpec spec_;
  ThreadPool* pool_;
  LifPlan plan_;
  LifBatchPass pass_;
  LearningRate rate_;
  LifUpdate update_;
  LifTrainingCounts counted_;
  // One for each part of a batch.
  std::vector<LifSampleEncoder> encoders_;
  SpikeShares shares_;
  VanRossum filter_;
  // Of a training in integers; null in others.
  std::unique_ptr<LifIntegerErrors> integer_errors_;
  // What the passes run on, and its gradients.
  LifParameters stored_;
  LifParameters gradients_;
  std::vector<LifWeights> weight_views_;
  std::vector<LifGradients> gradient_views_;
  // The batch's samples.
  std::vector<LifSpikes> spikes_;
  std::vector<std::vector<float>> currents_;
  std::vector<LifInput> inputs_;
};

}  // namespace torpor
