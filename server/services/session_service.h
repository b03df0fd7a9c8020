// torpor.v1.SessionService over the session registry.
#pragma once

#include "server/services/executor.h"
#include "server/session/registry.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor {

// Thread-safe.
class SessionServiceImpl final : public v1::SessionService::CallbackService {
 public:
  // Both outlive the service.
  SessionServiceImpl(SessionRegistry* sessions, BlockingExecutor* executor)
      : sessions_(sessions), executor_(executor) {}

  grpc::ServerUnaryReactor* CreateSession(grpc::CallbackServerContext* context,
                                          const v1::CreateSessionRequest* request,
                                          v1::Session* reply) override;
  grpc::ServerUnaryReactor* GetSession(grpc::CallbackServerContext* context,
                                       const v1::GetSessionRequest* request,
                                       v1::Session* reply) override;
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context,
                                         const v1::ListSessionsRequest* request,
                                         v1::ListSessionsResponse* reply) override;
  grpc::ServerUnaryReactor* UpdateSession(grpc::CallbackServerContext* context,
                                          const v1::UpdateSessionRequest* request,
                                          v1::Session* reply) override;
  grpc::ServerUnaryReactor* DeleteSession(grpc::CallbackServerContext* context,
                                          const v1::DeleteSessionRequest* request,
                                          v1::DeleteSessionResponse* reply) override;
  grpc::ServerUnaryReactor* SetPowerMode(grpc::CallbackServerContext* context,
                                         const v1::SetPowerModeRequest* request,
                                         v1::SetPowerModeResponse* reply) override;
  grpc::ServerWriteReactor<v1::SessionEvent>* WatchSession(
      grpc::CallbackServerContext* context, const v1::WatchSessionRequest* request) override;

 private:
  SessionRegistry* const sessions_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
