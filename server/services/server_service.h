// torpor.v1.ServerService: what is running and with which limits.
#pragma once

#include <string>

#include "server/services/executor.h"
#include "torpor/v1/server.grpc.pb.h"

namespace torpor {

// Thread-safe.
class ServerServiceImpl final : public v1::ServerService::CallbackService {
 public:
  // `info`: everything but the free bytes, which are looked up at each call. `executor` outlives
  // the service.
  ServerServiceImpl(v1::ServerInfo info, BlockingExecutor* executor)
      : info_(std::move(info)), executor_(executor) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::ServerInfo* reply) override;

 private:
  const v1::ServerInfo info_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
