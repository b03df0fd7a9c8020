// Calls to the server: a deadline on every one, and errors with the details of google.rpc.Status.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/context.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "torpor/v1/session.pb.h"

namespace torpor::cli {

// The same code and message with the details of trailer `grpc-status-details-bin` as payloads, and
// a hint what to try. `server` is named when it cannot be reached.
absl::Status FromGrpc(const grpc::Status& status, absl::string_view server);

void SetDeadline(grpc::ClientContext& call, absl::Duration timeout);

// A random id for the request_id of a changing call, so that a repeat of the call is recognised.
std::string NewRequestId();

// One unary call under options.timeout:
//   Call<v1::SessionService>(context, &v1::SessionService::Stub::GetSession, request)
template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> Call(Context& context,
                              grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                                                    const Request&, Response*),
                              const Request& request) {
  const auto stub = Service::NewStub(context.Channel());
  grpc::ClientContext call;
  SetDeadline(call, context.options.timeout);
  Response response;
  const grpc::Status status = ((*stub).*method)(&call, request, &response);
  if (!status.ok()) return FromGrpc(status, context.options.server);
  return response;
}

// "s1" -> "sessions/s1"; a full name stays.
std::string FullName(absl::string_view collection, absl::string_view id);
// "sessions/s1" -> "s1".
std::string ShortName(absl::string_view name);

// The full name that a user means: an id, a full name, a unique prefix of an id, or `latest` (the
// newest).
absl::StatusOr<std::string> ResolveSession(Context& context, absl::string_view id);
absl::StatusOr<std::string> ResolveJob(Context& context, absl::string_view id);
absl::StatusOr<std::string> ResolveModel(Context& context, absl::string_view id);

// The session that a user means, as it is now.
absl::StatusOr<v1::Session> GetSession(Context& context, absl::string_view id);

}  // namespace torpor::cli
