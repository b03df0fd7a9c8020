#include "server/services/session_service.h"

#include "server/services/unary.h"
#include "server/services/watch_session.h"

namespace torpor {

grpc::ServerUnaryReactor* SessionServiceImpl::CreateSession(grpc::CallbackServerContext* context,
                                                            const v1::CreateSessionRequest* request,
                                                            v1::Session* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::CreateSessionRequest& r) { return sessions_->Create(r); });
}

grpc::ServerUnaryReactor* SessionServiceImpl::GetSession(grpc::CallbackServerContext* context,
                                                         const v1::GetSessionRequest* request,
                                                         v1::Session* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::GetSessionRequest& r) { return sessions_->Get(r.name()); });
}

grpc::ServerUnaryReactor* SessionServiceImpl::ListSessions(grpc::CallbackServerContext* context,
                                                           const v1::ListSessionsRequest* request,
                                                           v1::ListSessionsResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::ListSessionsRequest& r) { return sessions_->List(r); });
}

grpc::ServerUnaryReactor* SessionServiceImpl::UpdateSession(grpc::CallbackServerContext* context,
                                                            const v1::UpdateSessionRequest* request,
                                                            v1::Session* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::UpdateSessionRequest& r) { return sessions_->Update(r); });
}

grpc::ServerUnaryReactor* SessionServiceImpl::DeleteSession(grpc::CallbackServerContext* context,
                                                            const v1::DeleteSessionRequest* request,
                                                            v1::DeleteSessionResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::DeleteSessionRequest& r) { return sessions_->Delete(r); });
}

grpc::ServerUnaryReactor* SessionServiceImpl::SetPowerMode(grpc::CallbackServerContext* context,
                                                           const v1::SetPowerModeRequest* request,
                                                           v1::SetPowerModeResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::SetPowerModeRequest& r) { return sessions_->SetPowerMode(r); });
}

grpc::ServerWriteReactor<v1::SessionEvent>* SessionServiceImpl::WatchSession(
    grpc::CallbackServerContext*, const v1::WatchSessionRequest* request) {
  return new WatchSessionReactor(sessions_, request->name());
}

}  // namespace torpor
