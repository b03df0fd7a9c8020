// What a selection has measured, in this attempt and in earlier ones.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/job/job_context.h"
#include "torpor/v1/selection.pb.h"

namespace torpor {

// The arms with their measurements. What an earlier attempt has measured is offered (Earlier) but
// not in the table until it is admitted, so that decisions see what they would have seen without an
// interruption. Report and Progress are thread-safe; the others are the owner's alone, and not
// while those run.
class SelectLedger {
 public:
  // Of an arm by a seed after so many training samples.
  struct Key {
    int arm = 0;
    uint64_t seed = 0;
    int64_t trained = 0;
    auto operator<=>(const Key&) const = default;
  };

  // Reads the logs of this job's attempts up to the present one. `arms` have candidate, storage and
  // memory.
  static absl::StatusOr<std::unique_ptr<SelectLedger>> Open(const JobContext& context,
                                                            std::vector<v1::SelectArm> arms);

  // What an attempt has measured of this; null if none has.
  const v1::SelectMeasurement* Earlier(const Key& key) const;
  size_t earlier() const { return earlier_.size(); }
  // Writes the arm with one more measurement to the event log.
  absl::Status Report(int arm, const v1::SelectMeasurement& measured);
  // Reports what `make` returns, if a report is due.
  absl::Status Progress(const std::function<v1::Progress()>& make);
  // Puts it into the table.
  void Admit(int arm, const v1::SelectMeasurement& measured);
  // Why an arm is not finished; the first reason stays.
  void Fail(int arm, const absl::Status& why);

  const std::vector<v1::SelectArm>& arms() const { return arms_; }
  // The arms as a result has them: of each the measurements after its longest training, in the
  // order of the seeds, with the figures that they make.
  std::vector<v1::SelectArm> Table(const std::vector<uint64_t>& seeds) const;

 private:
  SelectLedger(const JobContext& context, std::vector<v1::SelectArm> arms)
      : context_(context), arms_(std::move(arms)) {}

  const JobContext& context_;
  std::vector<v1::SelectArm> arms_;
  std::map<Key, v1::SelectMeasurement> earlier_;
  std::mutex mutex_;
};

}  // namespace torpor
