// Exit codes of the CLI, so that scripts can branch.
#pragma once

#include "absl/status/status.h"

namespace torpor::cli {

inline constexpr int kDone = 0;
// The work itself failed: a job FAILED, accuracy below what was required.
inline constexpr int kWorkFailed = 1;
inline constexpr int kUsage = 2;
// Ctrl-C: detached from what goes on in the server.
inline constexpr int kInterrupted = 130;

// 0 for OK, else 64 + the gRPC status code (67 invalid argument, 69 not found, 78 unavailable,
// ...), as grpcurl does.
int ExitCodeOf(const absl::Status& rpc_status);

}  // namespace torpor::cli
