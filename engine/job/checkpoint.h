// Checkpoints of jobs that train: written by rename, found again newest first, damaged ones passed
// over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/job/job_context.h"
#include "engine/network/model.h"

namespace torpor {

// What a checkpoint keeps beside the position: a trainer's state or a whole model.
using SaveState = std::function<void(ArchiveWriter&)>;
using LoadState = std::function<absl::Status(const ArchiveReader&)>;

// Where a run stands: between two steps.
struct TrainPosition {
  // Epochs that are done (settings, where the job tunes), and batches done of the one after them.
  int64_t epoch = 0;
  int64_t batch = 0;
  // Steps since the start.
  int64_t steps = 0;
  // Sums over the batches done of the present epoch.
  StepReport report;
  // Metrics of the last epoch that is done.
  std::map<std::string, double> metrics;
};

// Writes attempts/N/checkpoint-<steps>, reports it, and removes all but the two newest checkpoints
// of the job. On error the earlier checkpoints are all still there.
absl::Status WriteCheckpoint(const JobContext& context, const Model& model, const SaveState& save,
                             const TrainPosition& position);

// Loads the newest whole checkpoint of this job; the position is 0 if there is none.
absl::StatusOr<TrainPosition> LoadNewestCheckpoint(const JobContext& context, const Model& model,
                                                   const LoadState& load);

}  // namespace torpor
