#include "server/services/server_service.h"

#include <filesystem>
#include <system_error>

#include "server/services/unary.h"

namespace torpor {

grpc::ServerUnaryReactor* ServerServiceImpl::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const v1::GetServerInfoRequest* request,
                                                           v1::ServerInfo* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::GetServerInfoRequest&) -> absl::StatusOr<v1::ServerInfo> {
                    v1::ServerInfo info = info_;
                    std::error_code error;
                    const std::filesystem::space_info space =
                        std::filesystem::space(info.data_directory(), error);
                    if (!error) info.set_free_bytes(static_cast<int64_t>(space.available));
                    return info;
                  });
}

}  // namespace torpor
