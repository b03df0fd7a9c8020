// One helper for every unary call that blocks.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/status.h"
#include "grpcpp/grpcpp.h"
#include "server/services/executor.h"
#include "server/services/status.h"
#include "server/session/draining.h"

namespace torpor {

// Why an executor takes no task.
inline absl::Status RefusalOf(const BlockingExecutor& executor) {
  if (executor.stopping()) return DrainingError();
  return WithRetry(
      WithReason(absl::ResourceExhaustedError("too many calls are waiting"), "SERVER_BUSY"),
      absl::Milliseconds(200));
}

// Runs `handle(request) -> absl::StatusOr<Reply>` on the executor and finishes the call with its
// result. A call whose client is gone, or whose deadline has passed, while it waited is not run.
template <class Request, class Reply, class Handle>
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, BlockingExecutor* executor,
                                   const Request* request, Reply* reply, Handle handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  // Request and reply live until the reactor is finished.
  const bool accepted =
      executor->Run([context, reactor, request, reply, handle = std::move(handle)] {
        if (context->IsCancelled()) {
          reactor->Finish(grpc::Status::CANCELLED);
          return;
        }
        absl::StatusOr<Reply> result = handle(*request);
        if (!result.ok()) {
          reactor->Finish(ToGrpc(result.status()));
          return;
        }
        *reply = *std::move(result);
        reactor->Finish(grpc::Status::OK);
      });
  if (!accepted) reactor->Finish(ToGrpc(RefusalOf(*executor)));
  return reactor;
}

}  // namespace torpor
