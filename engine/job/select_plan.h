// What a selection is going to do: its networks, data, and when each arm is measured.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/data/dataset.h"
#include "engine/job/job_context.h"
#include "engine/job/select_arms.h"
#include "engine/network/model.h"
#include "torpor/v1/selection.pb.h"

namespace torpor {

// A step of all trainings of a wave: to a rung, or, the last one, to their end.
struct SelectStep {
  int rung = 0;
  bool last() const;
};

// Immutable; thread-safe. The context outlives it.
class SelectPlan {
 public:
  // Loads the data, and builds every network once to ask it.
  static absl::StatusOr<std::unique_ptr<SelectPlan>> Create(const JobContext& context);

  const v1::SelectSpec& spec() const { return spec_; }
  const std::vector<uint64_t>& seeds() const { return seeds_; }
  const std::vector<ArmOrigin>& origins() const { return origins_; }
  const std::vector<TrainingGroup>& groups() const { return groups_; }
  // With all that is known before they are trained: memory.
  const std::vector<v1::SelectArm>& arms() const { return arms_; }

  // A network before its training, by its seed.
  absl::StatusOr<std::unique_ptr<Model>> NewModel(const TrainingGroup& group, uint64_t seed) const;
  // With its defaults; the seed is the training's.
  const v1::TrainSpec& TrainSpecOf(int candidate) const { return Of(candidate).spec; }
  const Dataset& TrainingData(int candidate) const { return *Of(candidate).train; }
  // The held-out samples that are measured in a step.
  Dataset TestedIn(SelectStep step) const;
  // How many training samples, from the first, name the neurons then.
  int64_t LabelsIn(int candidate, SelectStep step) const;

  SelectStep first() const;
  static SelectStep last();
  // Training samples after which a candidate's arms are measured in a step; 0: not in this one,
  // since in a training of few batches rungs fall together.
  int64_t PointOf(int candidate, SelectStep step) const;

  // Of one measurement, and of one training with all its measurements, in training samples.
  double MeasureWork(int candidate, SelectStep step) const;
  double PlannedWork(const TrainingGroup& group) const;

 private:
  // A candidate as it is trained.
  struct Course {
    v1::TrainSpec spec;
    std::optional<Dataset> train;
  };

  explicit SelectPlan(const JobContext& context);
  absl::Status Load();
  absl::StatusOr<std::unique_ptr<Model>> Candidate(int candidate, uint64_t seed) const;
  absl::Status AddCourses(const Dataset& train);
  absl::Status AddArms();
  const Course& Of(int candidate) const { return courses_[static_cast<size_t>(candidate)]; }

  const JobContext& context_;
  const v1::SelectSpec& spec_;
  const std::vector<ArmOrigin> origins_;
  const std::vector<TrainingGroup> groups_;
  const std::vector<uint64_t> seeds_;
  std::string input_;
  std::optional<Dataset> validation_;
  std::vector<Course> courses_;
  std::vector<v1::SelectArm> arms_;
};

}  // namespace torpor
