#include "engine/job/select_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// What a forward pass costs, in training samples per sample.
constexpr double kForwardShare = 0.7;
// At a rung, where a rough figure will do.
constexpr int64_t kRungLabels = 2000;
constexpr int64_t kRungTested = 1000;
constexpr int kRungs = static_cast<int>(std::size(kRungShares));
constexpr int kDefaultEpochs = 5;

}  // namespace

bool SelectStep::last() const { return rung == kRungs; }

SelectStep SelectPlan::first() const { return {spec_.no_early_stop() ? kRungs : 0}; }

SelectStep SelectPlan::last() { return {kRungs}; }

SelectPlan::SelectPlan(const JobContext& context)
    : context_(context),
      spec_(context.order->spec().select()),
      origins_(ArmsOf(spec_)),
      groups_(TrainingsOf(spec_)),
      seeds_(SeedsOf(spec_)) {}

absl::StatusOr<std::unique_ptr<SelectPlan>> SelectPlan::Create(const JobContext& context) {
  std::unique_ptr<SelectPlan> plan(new SelectPlan(context));
  TORPOR_RETURN_IF_ERROR(plan->Load());
  TORPOR_RETURN_IF_ERROR(plan->AddArms());
  return plan;
}

absl::Status SelectPlan::Load() {
  TORPOR_ASSIGN_OR_RETURN(input_, context_.files->Read(context_.directory->InputModelPath()));
  TORPOR_RETURN_IF_ERROR(CheckJobData(context_, spec_.dataset()));
  TORPOR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> first, Candidate(0, 0));
  TORPOR_ASSIGN_OR_RETURN(const Dataset all,
                          LoadJobData(context_, *first, spec_.dataset(), v1::Split::TRAIN, 0));
  const int64_t held_out =
      spec_.validation_samples() > 0 ? spec_.validation_samples() : kSelectValidationSamples;
  if (held_out >= all.size()) {
    return FieldError("spec.select.validation_samples",
                      absl::StrCat("must leave samples to train on: at most ", all.size() - 1,
                                   " of ", all.size(), ", got ", held_out));
  }
  validation_ = all.Slice(all.size() - held_out, all.size());
  return AddCourses(all.Slice(0, all.size() - held_out));
}

absl::Status SelectPlan::AddCourses(const Dataset& train) {
  for (int c = 0; c < spec_.candidates_size(); ++c) {
    TORPOR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Candidate(c, 0));
    if (model->features() != train.features() || model->classes() < train.classes()) {
      return FieldError(absl::StrCat("spec.select.candidates[", c, "].network"),
                        absl::StrCat("must take samples of ", train.features(), " values in ",
                                     train.classes(), " classes"));
    }
    Course course;
    course.spec = spec_.candidates(c).train();
    course.spec.set_dataset(spec_.dataset());
    if (course.spec.epochs() == 0) course.spec.set_epochs(kDefaultEpochs);
    model->FillTrainDefaults(course.spec);
    const int64_t asked = course.spec.train_samples();
    course.train = train.Slice(0, asked == 0 ? train.size() : std::min(asked, train.size()));
    courses_.push_back(std::move(course));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Model>> SelectPlan::Candidate(int candidate, uint64_t seed) const {
  const v1::SelectSpec::Candidate& from = spec_.candidates(candidate);
  if (from.has_network()) {
    absl::StatusOr<std::unique_ptr<Model>> model = context_.factory(from.network(), seed);
    if (model.ok()) return model;
    return WithFieldPrefix(model.status(),
                           absl::StrCat("spec.select.candidates[", candidate, "].network."));
  }
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, ParseModel(input_, context_.factory));
  if (!from.train().from_session()) model->Initialise(seed);
  return model;
}

absl::StatusOr<std::unique_ptr<Model>> SelectPlan::NewModel(const TrainingGroup& group,
                                                            uint64_t seed) const {
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, Candidate(group.candidate, seed));
  if (group.storage == ArmOrigin::kOwnStorage) return model;
  TORPOR_ASSIGN_OR_RETURN(model, model->Quantised(spec_.storages(group.storage).quantization()));
  // As a network of that definition begins.
  if (!Of(group.candidate).spec.from_session()) model->Initialise(seed);
  return model;
}

absl::Status SelectPlan::AddArms() {
  std::unique_ptr<Model> model;
  for (const ArmOrigin& origin : origins_) {
    v1::SelectArm arm;
    arm.set_candidate(spec_.candidates(origin.candidate).name());
    std::unique_ptr<Model> stored;
    if (origin.storage == ArmOrigin::kOwnStorage) {
      TORPOR_ASSIGN_OR_RETURN(model, Candidate(origin.candidate, 0));
    } else {
      *arm.mutable_storage() = spec_.storages(origin.storage);
      TORPOR_ASSIGN_OR_RETURN(stored, model->Quantised(arm.storage().quantization()));
    }
    TORPOR_ASSIGN_OR_RETURN(const std::vector<v1::MemoryEntry> memory,
                            (stored != nullptr ? *stored : *model).Memory(spec_.memory_counting()));
    arm.set_memory_bytes(MemoryBytes(memory));
    *arm.mutable_memory() = {memory.begin(), memory.end()};
    arms_.push_back(std::move(arm));
  }
  const double full = arms_[ReferenceArm(spec_)].memory_bytes();
  for (v1::SelectArm& arm : arms_) {
    if (full > 0) arm.set_memory_norm(arm.memory_bytes() / full);
  }
  return absl::OkStatus();
}

Dataset SelectPlan::TestedIn(SelectStep step) const {
  return step.last() ? *validation_
                     : validation_->Slice(0, std::min(validation_->size(), kRungTested));
}

int64_t SelectPlan::LabelsIn(int candidate, SelectStep step) const {
  const Course& course = Of(candidate);
  const int64_t asked = course.spec.calibration_samples();
  const int64_t all = asked == 0 ? course.train->size() : std::min(asked, course.train->size());
  return step.last() ? all : std::min(all, kRungLabels);
}

int64_t SelectPlan::PointOf(int candidate, SelectStep step) const {
  const Course& course = Of(candidate);
  const int64_t total = course.train->size() * course.spec.epochs();
  if (step.last()) return total;
  const auto at = [&](int rung) {
    const double samples = kRungShares[rung] * static_cast<double>(total);
    return BatchEnd(static_cast<int64_t>(samples), course.train->size(), course.spec.batch_size());
  };
  const int64_t point = at(step.rung);
  return point >= total || (step.rung > 0 && point == at(step.rung - 1)) ? 0 : point;
}

double SelectPlan::MeasureWork(int candidate, SelectStep step) const {
  return kForwardShare * static_cast<double>(LabelsIn(candidate, step) + TestedIn(step).size());
}

double SelectPlan::PlannedWork(const TrainingGroup& group) const {
  double work = static_cast<double>(PointOf(group.candidate, last()));
  for (SelectStep step = first(); step.rung <= kRungs; ++step.rung) {
    if (PointOf(group.candidate, step) == 0) continue;
    work += static_cast<double>(group.arms.size()) * MeasureWork(group.candidate, step);
  }
  return work;
}

}  // namespace torpor
