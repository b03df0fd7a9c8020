#include "client/cli/context.h"

#include <algorithm>
#include <cstdlib>

#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace torpor::cli {
namespace {

// Time for a second attempt to connect: gRPC's pause of 100 ms, up to a fifth longer, and a
// handshake.
constexpr absl::Duration kSecondAttempt = absl::Milliseconds(400);
constexpr absl::Duration kLongestWait = absl::Seconds(2);

// Returns once the channel is connected or has failed twice, or at `end`. gRPC before 1.61 looks at
// errno some calls after connect() (grpc/grpc pull request 35064); any of these may leave ENOENT
// there, e.g. malloc in a container without /sys, and a connection that was only begun then counts
// as failed. A second attempt tells whether nobody is there.
void ConnectTwice(grpc::Channel& channel, absl::Time end) {
  absl::Time until = end;
  bool failed = false;
  grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
  while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_SHUTDOWN) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE && !failed) {
      failed = true;
      until = std::min(end, absl::Now() + kSecondAttempt);
    }
    if (!channel.WaitForStateChange(state, absl::ToChronoTime(until))) return;
    state = channel.GetState(/*try_to_connect=*/true);
    // Sent back to work after the second failure, in versions that show it.
    if (failed && state == GRPC_CHANNEL_TRANSIENT_FAILURE) return;
  }
}

}  // namespace

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
    ConnectTwice(*channel_, absl::Now() + std::min(kLongestWait, options.timeout));
  }
  return channel_;
}

}  // namespace torpor::cli
