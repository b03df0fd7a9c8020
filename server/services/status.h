// The one conversion of absl::Status to gRPC.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace torpor {

// Code, message (at most 1024 bytes) and google.rpc.Status in grpc-status-details-bin, kept below
// what the default metadata limit of 8 KB bears: details that do not fit are left out from the end.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace torpor
