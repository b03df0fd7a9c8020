// Learning by STDP as a training run.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/network/model.h"
#include "engine/stdp/labels.h"
#include "engine/stdp/learner.h"
#include "engine/stdp/plan.h"
#include "engine/stdp/rate_encoder.h"

namespace torpor {

class StdpModel;

// Shows samples one after the other, each to what the one before has left: there is nothing to do
// at once, so threads are used for labels alone, and batches change nothing. Labels of a batch
// serve to report how many samples the neurons' answers so far would have named right. Not
// thread-safe; model and pool outlive it.
class StdpTrainer final : public Trainer {
 public:
  // Errors are those of CheckStdpTraining. What the spec leaves open is the family's default.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(StdpModel* model,
                                                         const v1::TrainSpec& spec,
                                                         ThreadPool* pool);

  absl::Status Step(const Batch& batch, StepReport& report) override;
  bool has_loss() const override { return false; }
  // Labels the neurons.
  absl::Status FinishEpoch(const Dataset& train, const Cancellation& cancellation) override;
  TrainingActivity activity() const override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

 private:
  // What the neurons answered [neurons x classes], and to how many samples [classes].
  struct Answers {
    std::vector<int64_t> responses;
    std::vector<int64_t> samples;
  };

  StdpTrainer(StdpModel* model, const v1::TrainSpec& spec, ThreadPool* pool);
  void ShowSample(std::span<const float> values, int32_t label, StepReport& report);
  void Judge(int32_t label, StepReport& report);
  void FadeAnswers();
  float RateNow() const;
  static void SaveAnswers(const char* name, const Answers& answers, ArchiveWriter& archive);
  static absl::Status LoadAnswers(const ArchiveReader& archive, const char* name, Answers& answers);

  StdpModel* model_;
  ThreadPool* pool_;
  v1::TrainSpec spec_;
  LearningSettings settings_;
  RateEncoder encoder_;
  std::unique_ptr<Learner> learner_;
  // Samples shown since the run began, and what happened in them.
  int64_t shown_ = 0;
  StdpCounts counted_;
  // For progress reports alone: answers up to the last thousand, fading, and the labels that they
  // make; answers since.
  Answers faded_;
  NeuronLabels labels_;
  Answers recent_;
  SpikeTrain train_;
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> counts_;
  std::vector<float> scores_;
};

}  // namespace torpor
