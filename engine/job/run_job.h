// Runs one attempt of a job in its directory.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/cancellation.h"
#include "engine/base/file_system.h"
#include "engine/network/model.h"
#include "torpor/v1/job_directory.pb.h"

namespace torpor {

struct RunJobOptions {
  // Threads that compute; 0: as the specification says (and there 0: all CPUs). Results do not
  // depend on it.
  int threads = 0;
  // Shortest time between two progress events; epochs, checkpoints and the end are always reported.
  absl::Duration progress_interval = absl::Milliseconds(250);
  // Shortest time between two checkpoints inside training; the end of an epoch is when one may be
  // written.
  absl::Duration checkpoint_interval = absl::Seconds(10);
};

// Reads spec.binpb and input/model, goes on from the newest whole checkpoint of an earlier attempt,
// writes attempts/N/... and result.binpb. While it runs, a thread looks every 20 ms for the file
// `cancel` and for a newer attempt and cancels `cancellation`. The caller holds the lock of the
// directory.
//
// A job that failed, or that the user cancelled, is a result. The returned status is for attempts
// that come to none: CANCELLED with reason INTERRUPTED when `cancellation` was cancelled by the
// caller or by a newer attempt (training has written a checkpoint), RESOURCE_EXHAUSTED with reason
// DISK_FULL when there was no room for the result.
absl::StatusOr<v1::WorkResult> RunJob(const std::string& directory, int attempt, FileSystem* files,
                                      ModelFactory factory, Cancellation* cancellation,
                                      const RunJobOptions& options);

}  // namespace torpor
