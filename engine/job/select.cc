// Metrics of a selection: accuracy, accuracy_low, accuracy_high, memory_bytes and joules of the
// chosen arm; arms, stopped_arms and failed_arms; trained_samples and select_seconds (of this
// attempt).
//
// Trainings go in waves of a fixed size and, inside a wave, in steps that end at the rungs, so that
// who is given up depends on neither threads nor time. Measurements are taken over from the event
// logs of earlier attempts, and what they make needless is not trained again; a training that was
// cut begins anew, and as it depends on its specification, seed and data alone, it comes to the
// same bits.
#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/status.h"
#include "engine/job/kinds.h"
#include "engine/job/select_arms.h"
#include "engine/job/select_ledger.h"
#include "engine/job/select_plan.h"
#include "engine/job/select_training.h"

namespace torpor {
namespace {

// Networks that are held at once: enough for the threads of most machines. More only where one
// network is trained by more seeds.
constexpr size_t kWaveTrainings = 16;

// One network in training, and what the steps say of it.
struct Slot {
  const TrainingGroup* group = nullptr;
  uint64_t seed = 0;
  std::unique_ptr<ThreadPool> own_pool;
  ThreadPool* pool = nullptr;
  std::unique_ptr<SelectTraining> training;
  // Held while the model is asked: it serves several arms at once.
  std::mutex model_mutex;
  absl::Status status;
  // Of the work that was planned for it, what is done.
  double done = 0;
};

// One measurement.
struct Task {
  Slot* slot = nullptr;
  int arm = 0;
  int64_t point = 0;
  v1::SelectMeasurement measured;
  absl::Status status, reported;
};

class SelectRun {
 public:
  SelectRun(const JobContext& context, v1::WorkResult& result)
      : context_(context), result_(result) {}

  absl::Status Run() {
    TORPOR_RETURN_IF_ERROR(Prepare());
    const std::span<const TrainingGroup> groups = plan_->groups();
    const size_t in_wave = (kWaveTrainings - 1) / plan_->seeds().size() + 1;
    for (size_t first = 0; first < groups.size(); first += in_wave) {
      TORPOR_RETURN_IF_ERROR(
          RunWave(groups.subspan(first, std::min(in_wave, groups.size() - first))));
    }
    return Conclude();
  }

 private:
  absl::Status Prepare();
  absl::Status RunWave(std::span<const TrainingGroup> groups);
  absl::Status RunStep(std::deque<Slot>& slots, SelectStep step);
  bool Wanted(const Slot& slot, int arm, int64_t point) const;
  absl::Status Train(Slot& slot, SelectStep step);
  absl::Status StartTraining(Slot& slot);
  absl::Status Measure(Task& task, SelectStep step, ThreadPool* pool);
  absl::StatusOr<std::shared_ptr<const Deployment>> DeployArm(const Task& task, SelectStep step,
                                                              ThreadPool* pool);
  // Admits what the step has measured, in an order that does not depend on threads.
  absl::Status Close(std::deque<Slot>& slots, const std::vector<Task>& tasks, SelectStep step);
  void Fail(int arm, const absl::Status& why);
  // Arms of a candidate that can no longer be in the Pareto set.
  std::vector<size_t> Hopeless(int candidate, double margin) const;
  void GiveUp(const std::deque<Slot>& slots, SelectStep step);
  absl::Status Conclude();
  // `skipped`: need not be done, and says nothing about the speed.
  void Worked(Slot& slot, double work, bool skipped);
  v1::Progress ProgressNow() const;

  const JobContext& context_;
  v1::WorkResult& result_;
  std::unique_ptr<SelectPlan> plan_;
  std::unique_ptr<SelectLedger> ledger_;
  // By arm: neither stopped nor failed; and failed.
  std::vector<bool> live_, failed_;
  int stopped_ = 0;

  std::mutex mutex_;  // the figures of progress
  absl::Time begin_ = absl::Now();
  double total_work_ = 0, work_ = 0, skipped_work_ = 0;
  int64_t trained_samples_ = 0;
  int measured_ = 0;
};

absl::Status SelectRun::Prepare() {
  TORPOR_ASSIGN_OR_RETURN(plan_, SelectPlan::Create(context_));
  TORPOR_ASSIGN_OR_RETURN(ledger_, SelectLedger::Open(context_, plan_->arms()));
  live_.assign(plan_->origins().size(), true);
  failed_.assign(plan_->origins().size(), false);
  for (const TrainingGroup& group : plan_->groups()) {
    total_work_ += static_cast<double>(plan_->seeds().size()) * plan_->PlannedWork(group);
  }
  return context_.reporter->Started(context_.attempt, static_cast<int>(ledger_->earlier()));
}

absl::Status SelectRun::RunWave(std::span<const TrainingGroup> groups) {
  std::deque<Slot> slots;
  const bool alone = groups.size() * plan_->seeds().size() == 1;
  for (const TrainingGroup& group : groups) {
    for (const uint64_t seed : plan_->seeds()) {
      Slot& slot = slots.emplace_back();
      slot.group = &group;
      slot.seed = seed;
      // Trainings share the threads among them; one alone has them all.
      if (!alone) slot.own_pool = std::make_unique<ThreadPool>(1);
      slot.pool = alone ? context_.pool : slot.own_pool.get();
    }
  }
  for (SelectStep step = plan_->first(); step.rung <= plan_->last().rung; ++step.rung) {
    TORPOR_RETURN_IF_ERROR(RunStep(slots, step));
  }
  for (Slot& slot : slots) {
    Worked(slot, plan_->PlannedWork(*slot.group) - slot.done, /*skipped=*/true);
  }
  return absl::OkStatus();
}

absl::Status SelectRun::RunStep(std::deque<Slot>& slots, SelectStep step) {
  context_.pool->ParallelFor(static_cast<int>(slots.size()), [&](int i) {
    Slot& slot = slots[static_cast<size_t>(i)];
    slot.status = Train(slot, step);
  });
  std::vector<Task> tasks;
  size_t wanted = 0;
  for (Slot& slot : slots) {
    const int64_t point = plan_->PointOf(slot.group->candidate, step);
    for (const int arm : slot.group->arms) {
      if (point == 0 || !live_[static_cast<size_t>(arm)] || !slot.status.ok()) continue;
      tasks.push_back({&slot, arm, point, {}, {}, {}});
      wanted += Wanted(slot, arm, point) ? 1 : 0;
    }
  }
  context_.pool->ParallelFor(static_cast<int>(tasks.size()), [&](int i) {
    Task& task = tasks[static_cast<size_t>(i)];
    ThreadPool serial(1);
    task.status = Measure(task, step, wanted == 1 ? context_.pool : &serial);
  });
  return Close(slots, tasks, step);
}

bool SelectRun::Wanted(const Slot& slot, int arm, int64_t point) const {
  return live_[static_cast<size_t>(arm)] && ledger_->Earlier({arm, slot.seed, point}) == nullptr;
}

absl::Status SelectRun::Train(Slot& slot, SelectStep step) {
  const int64_t point = plan_->PointOf(slot.group->candidate, step);
  const bool wanted = std::ranges::any_of(
      slot.group->arms, [&](int arm) { return point > 0 && Wanted(slot, arm, point); });
  if (!wanted) return absl::OkStatus();
  if (slot.training == nullptr) TORPOR_RETURN_IF_ERROR(StartTraining(slot));
  TORPOR_RETURN_IF_ERROR(slot.training->TrainTo(point, [&](int64_t samples) {
    Worked(slot, static_cast<double>(samples), false);
    const std::lock_guard lock(mutex_);
    trained_samples_ += samples;
  }));
  return slot.training->Finish(plan_->LabelsIn(slot.group->candidate, step));
}

absl::Status SelectRun::StartTraining(Slot& slot) {
  const int candidate = slot.group->candidate;
  v1::TrainSpec spec = plan_->TrainSpecOf(candidate);
  spec.set_seed(slot.seed);
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, plan_->NewModel(*slot.group, slot.seed));
  absl::StatusOr<std::unique_ptr<SelectTraining>> training = SelectTraining::Create(
      std::move(model), spec, plan_->TrainingData(candidate), slot.pool, context_.cancellation);
  if (!training.ok()) {
    return WithFieldPrefix(training.status(),
                           absl::StrCat("spec.select.candidates[", candidate, "].train."));
  }
  slot.training = *std::move(training);
  return absl::OkStatus();
}

absl::Status SelectRun::Measure(Task& task, SelectStep step, ThreadPool* pool) {
  const int candidate = task.slot->group->candidate;
  if (const auto* earlier = ledger_->Earlier({task.arm, task.slot->seed, task.point})) {
    task.measured = *earlier;
    return absl::OkStatus();
  }
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> deployment,
                          DeployArm(task, step, pool));
  const v1::SelectSpec& spec = plan_->spec();
  TORPOR_ASSIGN_OR_RETURN(
      task.measured, MeasureSelection(*deployment, plan_->TestedIn(step),
                                      spec.has_energy_profile() ? &spec.energy_profile() : nullptr,
                                      pool, *context_.cancellation));
  task.measured.set_seed(task.slot->seed);
  task.measured.set_trained_samples(task.point);
  task.reported = ledger_->Report(task.arm, task.measured);
  Worked(*task.slot, plan_->MeasureWork(candidate, step), false);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Deployment>> SelectRun::DeployArm(const Task& task,
                                                                       SelectStep step,
                                                                       ThreadPool* pool) {
  const TrainingGroup& group = *task.slot->group;
  const int storage = plan_->origins()[static_cast<size_t>(task.arm)].storage;
  std::unique_ptr<Model> stored;
  {
    const std::lock_guard lock(task.slot->model_mutex);
    const Model& model = task.slot->training->model();
    if (storage == group.storage) return model.Deploy(v1::PowerMode(), v1::Realisation());
    TORPOR_ASSIGN_OR_RETURN(stored,
                            model.Quantised(plan_->spec().storages(storage).quantization()));
  }
  const Dataset& train = plan_->TrainingData(group.candidate);
  TORPOR_RETURN_IF_ERROR(stored->Calibrate(
      train.Slice(0, plan_->LabelsIn(group.candidate, step)), plan_->spec().dataset(),
      context_.order->dataset_digest(), pool, *context_.cancellation));
  return stored->Deploy(v1::PowerMode(), v1::Realisation());
}

void SelectRun::Fail(int arm, const absl::Status& why) {
  const size_t i = static_cast<size_t>(arm);
  if (!live_[i]) return;
  ledger_->Fail(arm, why);
  live_[i] = false;
  failed_[i] = true;
}

absl::Status SelectRun::Close(std::deque<Slot>& slots, const std::vector<Task>& tasks,
                              SelectStep step) {
  TORPOR_RETURN_IF_ERROR(context_.cancellation->Check());
  for (const Slot& slot : slots) {
    if (slot.status.ok()) continue;
    for (const int arm : slot.group->arms) Fail(arm, slot.status);
  }
  for (const Task& task : tasks) {
    TORPOR_RETURN_IF_ERROR(task.reported);
    if (task.status.ok()) {
      ledger_->Admit(task.arm, task.measured);
    } else {
      Fail(task.arm, task.status);
    }
  }
  if (step.last()) {
    measured_ += static_cast<int>(tasks.size());
  } else {
    GiveUp(slots, step);
  }
  for (Slot& slot : slots) {
    const bool any = std::ranges::any_of(slot.group->arms,
                                         [&](int arm) { return live_[static_cast<size_t>(arm)]; });
    if (!any) slot.training.reset();
  }
  return absl::OkStatus();
}

std::vector<size_t> SelectRun::Hopeless(int candidate, double margin) const {
  // Others learn at another speed, and what has failed will not be in the way: without rungs they
  // have no say.
  std::vector<Arm> arms;
  for (const v1::SelectArm& arm : ledger_->arms()) {
    const size_t i = arms.size();
    const bool rival = plan_->origins()[i].candidate == candidate && !failed_[i];
    arms.push_back(
        rival ? StoppingArm(arm, plan_->seeds().size(), plan_->spec().limits().has_joules())
              : Arm());
  }
  return HopelessArms(arms, {.goal = StoppingRule::Goal::kPareto, .margin = margin});
}

void SelectRun::GiveUp(const std::deque<Slot>& slots, SelectStep step) {
  std::map<int, std::vector<size_t>> hopeless;
  for (const Slot& slot : slots) {
    const int candidate = slot.group->candidate;
    if (hopeless.contains(candidate)) continue;
    hopeless[candidate] = Hopeless(candidate, StoppingMargin(kRungShares[step.rung]));
  }
  for (const Slot& slot : slots) {
    const int candidate = slot.group->candidate;
    const int64_t point = plan_->PointOf(candidate, step);
    for (const int arm : slot.group->arms) {
      const size_t i = static_cast<size_t>(arm);
      // What the other storages are compared with is measured to its end.
      const bool stops = std::ranges::binary_search(hopeless[candidate], i) &&
                         plan_->origins()[i].storage != ArmOrigin::kOwnStorage;
      if (!live_[i] || point == 0 || !stops) continue;
      live_[i] = false;
      ++stopped_;
      ledger_->Fail(arm, WithReason(absl::AbortedError(absl::StrCat(
                                        "stopped after ", point, " of ",
                                        plan_->PointOf(candidate, plan_->last()),
                                        " training samples: the candidate is far ahead in another "
                                        "storage of no more memory and energy")),
                                    "STOPPED_EARLY"));
    }
  }
}

void SelectRun::Worked(Slot& slot, double work, bool skipped) {
  const std::lock_guard lock(mutex_);
  slot.done += work;
  work_ += work;
  if (skipped) skipped_work_ += work;
  // What cannot be reported now is reported with the result.
  ledger_->Progress([&] { return ProgressNow(); }).IgnoreError();
}

v1::Progress SelectRun::ProgressNow() const {
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin_);
  const double here = work_ - skipped_work_;
  v1::Progress progress;
  progress.set_fraction(std::min(1.0, work_ / total_work_));
  if (here > 0) {
    *progress.mutable_eta() =
        ToProtoDuration(absl::Seconds((total_work_ - work_) * seconds / here));
  }
  progress.set_epoch(measured_);
  progress.set_epochs(static_cast<int>(plan_->origins().size() * plan_->seeds().size()));
  CopyMetrics(
      {{"samples_per_second", static_cast<double>(trained_samples_) / std::max(seconds, 1e-6)},
       {"stopped_arms", stopped_}},
      progress.mutable_metrics());
  return progress;
}

absl::Status SelectRun::Conclude() {
  std::vector<v1::SelectArm> arms = ledger_->Table(plan_->seeds());
  const std::string verdict = CompareArms(plan_->spec(), arms);
  std::map<std::string, double> metrics;
  for (const v1::SelectArm& arm : arms) {
    if (!arm.chosen()) continue;
    metrics = {{"accuracy", arm.accuracy()},
               {"accuracy_low", arm.accuracy_low()},
               {"accuracy_high", arm.accuracy_high()},
               {"memory_bytes", arm.memory_bytes()}};
    if (arm.has_joules()) metrics["joules"] = arm.joules();
  }
  // A selection of which nothing could be measured has failed as its first arm has.
  if (metrics.empty()) return FromProto(arms.front().error());
  const auto failed = std::ranges::count_if(arms, [](const auto& arm) { return arm.has_error(); });
  metrics["arms"] = static_cast<double>(arms.size());
  metrics["stopped_arms"] = stopped_;
  metrics["failed_arms"] = static_cast<double>(failed - stopped_);
  metrics["trained_samples"] = static_cast<double>(trained_samples_);
  metrics["select_seconds"] = absl::ToDoubleSeconds(absl::Now() - begin_);
  CopyMetrics(metrics, result_.mutable_metrics());
  for (v1::SelectArm& arm : arms) *result_.add_arms() = std::move(arm);
  result_.set_limits_verdict(verdict);
  *result_.mutable_provenance() =
      JobProvenance(context_, plan_->seeds().front(), plan_->TrainingData(0).size());
  return absl::OkStatus();
}

}  // namespace

absl::Status RunSelect(const JobContext& context, v1::WorkResult& result) {
  return SelectRun(context, result).Run();
}

}  // namespace torpor
