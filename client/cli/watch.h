// Follows a job to its end, across broken connections and restarts of the server.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/progress.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// Catches SIGINT while it lives (one at a time), so that Ctrl-C detaches instead of killing the
// program midway.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool Interrupted();

 private:
  void (*previous_)(int);
};

// The ended job, whatever its end. When the connection breaks it is made again, going on from the
// last event seen, until nothing was heard for options.timeout. Ctrl-C prints how to re-attach and
// how to cancel (not with `stays` false: a job that ends with its server), and returns
// Interrupted().
absl::StatusOr<v1::Job> FollowJob(Context& context, const std::string& name, ProgressStyle style,
                                  int64_t from_sequence = 0, bool stays = true);

// OK for SUCCEEDED, else the three lines of why (exit code 1).
absl::Status JobOutcome(const v1::Job& job);

}  // namespace torpor::cli
