#include "engine/job/select_ledger.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/status.h"
#include "engine/job/select_arms.h"

namespace torpor {
namespace {

// What tells an arm from others of its job; a specification has no two alike.
std::string IdentityOf(const v1::SelectArm& arm) {
  return arm.candidate() + "/" + (arm.has_storage() ? arm.storage().SerializeAsString() : "own");
}

int64_t LongestTraining(const v1::SelectArm& arm) {
  int64_t most = 0;
  for (const v1::SelectMeasurement& measured : arm.measurements()) {
    most = std::max(most, measured.trained_samples());
  }
  return most;
}

// The arm with those of its measurements that were made after so much training.
v1::SelectArm After(const v1::SelectArm& arm, int64_t trained) {
  v1::SelectArm out = arm;
  out.clear_measurements();
  for (const v1::SelectMeasurement& measured : arm.measurements()) {
    if (measured.trained_samples() == trained) *out.add_measurements() = measured;
  }
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SelectLedger>> SelectLedger::Open(const JobContext& context,
                                                                 std::vector<v1::SelectArm> arms) {
  std::unique_ptr<SelectLedger> ledger(new SelectLedger(context, std::move(arms)));
  std::map<std::string, int> numbers;
  for (size_t i = 0; i < ledger->arms_.size(); ++i) {
    numbers[IdentityOf(ledger->arms_[i])] = static_cast<int>(i);
  }
  TORPOR_ASSIGN_OR_RETURN(const std::vector<int> attempts, context.directory->Attempts());
  for (const int attempt : attempts) {
    if (attempt > context.attempt) break;
    const std::string path = context.directory->EventsPath(attempt);
    TORPOR_ASSIGN_OR_RETURN(const bool exists, context.files->Exists(path));
    if (!exists) continue;
    TORPOR_ASSIGN_OR_RETURN(const std::string content, context.files->Read(path));
    for (const v1::JobEvent& event : ParseEvents(content).events) {
      const auto found = numbers.find(IdentityOf(event.arm()));
      if (!event.has_arm() || found == numbers.end()) continue;
      for (const v1::SelectMeasurement& measured : event.arm().measurements()) {
        ledger->earlier_[{found->second, measured.seed(), measured.trained_samples()}] = measured;
      }
    }
  }
  return ledger;
}

const v1::SelectMeasurement* SelectLedger::Earlier(const Key& key) const {
  const auto found = earlier_.find(key);
  return found == earlier_.end() ? nullptr : &found->second;
}

absl::Status SelectLedger::Report(int arm, const v1::SelectMeasurement& measured) {
  const std::lock_guard lock(mutex_);
  v1::SelectArm report = After(arms_[static_cast<size_t>(arm)], measured.trained_samples());
  *report.add_measurements() = measured;
  SetFigures(report);
  return context_.reporter->Arm(report);
}

absl::Status SelectLedger::Progress(const std::function<v1::Progress()>& make) {
  const std::lock_guard lock(mutex_);
  if (!context_.reporter->ProgressDue()) return absl::OkStatus();
  return context_.reporter->Progress(make());
}

void SelectLedger::Admit(int arm, const v1::SelectMeasurement& measured) {
  *arms_[static_cast<size_t>(arm)].add_measurements() = measured;
}

void SelectLedger::Fail(int arm, const absl::Status& why) {
  v1::SelectArm& failed = arms_[static_cast<size_t>(arm)];
  if (!failed.has_error()) *failed.mutable_error() = ToProto(why);
}

std::vector<v1::SelectArm> SelectLedger::Table(const std::vector<uint64_t>& seeds) const {
  std::vector<v1::SelectArm> table;
  for (const v1::SelectArm& arm : arms_) {
    v1::SelectArm last = After(arm, LongestTraining(arm));
    const auto place = [&](const v1::SelectMeasurement& measured) {
      return std::find(seeds.begin(), seeds.end(), measured.seed());
    };
    std::sort(last.mutable_measurements()->begin(), last.mutable_measurements()->end(),
              [&](const auto& a, const auto& b) { return place(a) < place(b); });
    SetFigures(last);
    table.push_back(std::move(last));
  }
  return table;
}

}  // namespace torpor
