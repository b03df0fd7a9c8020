#include "client/cli/context.h"

#include <cstdlib>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace torpor::cli {

std::string Context::Env(const char* name, absl::string_view fallback) const {
  const char* value = environment ? environment(name) : std::getenv(name);
  return value != nullptr && *value != '\0' ? std::string(value) : std::string(fallback);
}

void Context::Note(absl::string_view line) {
  if (!options.quiet) err << line << std::endl;
}

std::shared_ptr<grpc::Channel> Context::Channel() {
  if (channel_ == nullptr || channel_server_ != options.server) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 << 20);
    // A server that was just restarted is reached again within a second, not after gRPC's default
    // of up to two minutes.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    // The server is named by the user; a proxy of the environment is meant for the web.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    channel_ =
        grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments);
    channel_server_ = options.server;
  }
  return channel_;
}

}  // namespace torpor::cli
