// Runs one attempt of a job in its directory.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/file_system.h"
#include "engine/network/model.h"
#include "torpor/v1/job_directory.pb.h"

namespace torpor {

struct RunJobOptions {
  // Shortest time between two progress events; epochs, checkpoints and the end are always reported.
  absl::Duration progress_interval = absl::Milliseconds(250);
  // Shortest time between two checkpoints inside training; the end of an epoch is when one may be written.
  absl::Duration checkpoint_interval = absl::Seconds(10);
};

// Reads spec.binpb and input/model, goes on from the newest whole checkpoint of an earlier attempt, writes
// attempts/N/... and result.binpb. Looks for the file `cancel` at least every 50 ms of work (see JobDirectory).
// The returned status is for failures that prevented writing a result; a job that failed in itself is a result.
absl::StatusOr<v1::WorkResult> RunJob(const std::string& directory, int attempt, FileSystem* files,
                                      ModelFactory factory, Cancellation* cancellation, const RunJobOptions& options);

}  // namespace torpor
