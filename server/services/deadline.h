// A call's deadline in the engine's terms.
#pragma once

#include <chrono>

#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

namespace torpor {

inline absl::Time DeadlineOf(const grpc::CallbackServerContext& context) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  // gRPC says "none" with the end of the clock's range.
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

}  // namespace torpor
