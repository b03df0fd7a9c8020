// torpord: the Torpor server.
#include <signal.h>

#include <cstdio>

#include "engine/base/status.h"
#include "server/log.h"
#include "server/options.h"
#include "server/server.h"
#include "spdlog/spdlog.h"

namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "torpord: %s\n", std::string(status.message()).c_str());
  const google::rpc::Status proto = torpor::ToProto(status);
  for (const auto& detail : proto.details()) {
    google::rpc::Help help;
    if (detail.UnpackTo(&help) && help.links_size() > 0) {
      std::fprintf(stderr, "  %s\n", help.links(0).description().c_str());
    }
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  torpor::ParsedOptions parsed = torpor::ParseOptions(argc, argv);
  if (parsed.exit) return parsed.exit_code;
  torpor::InitLog(parsed.options.log_level);
  if (const absl::Status status = torpor::CompleteOptions(parsed.options); !status.ok())
    return Fail(status);

  // Blocked before any thread starts, so that every thread inherits it and sigwait below is the one
  // place that hears them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  absl::StatusOr<std::unique_ptr<torpor::Server>> server = torpor::Server::Start(parsed.options);
  if (!server.ok()) return Fail(server.status());
  std::printf("listening on %s\n", (*server)->address().c_str());
  std::fflush(stdout);

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  spdlog::info("received {}", signal_number == SIGTERM ? "SIGTERM" : "SIGINT");
  (*server)->Stop();
  return 0;
}
