// Starts and stops torpord as a process of its own in the background (`server start`, `demo`).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/context.h"
#include "client/cli/output.h"

namespace torpor::cli {

struct ServerOptions {
  // Address to listen on; port 0 lets the system choose one.
  std::string listen{kDefaultServer};
  // Empty: the server's own default.
  std::string data_dir;
  std::string dataset_path;
  // Where its output goes; empty: torpord.log in data_dir, or in StateDirectory() without one.
  std::string log_file;
  // More flags as they are, e.g. {"--job-slots", "2"}.
  std::vector<std::string> flags;
  // How long it may take until it answers.
  absl::Duration patience = absl::Seconds(30);
};

// A server that was started here.
struct ServerProcess {
  int pid = 0;
  // The real host:port.
  std::string address;
  std::string data_dir;
  std::string log_file;
};

// $XDG_STATE_HOME/torpor, or ~/.local/state/torpor.
std::string StateDirectory(const Context& context);
// torpord beside this program, else the one on the PATH. NOT_FOUND says where it was looked for.
absl::StatusOr<std::string> FindServerBinary(const Context& context);

// Starts torpord in a session of its own, without the terminal, and waits until it answers a call.
// When it ends before, the error holds the last lines of its log.
absl::StatusOr<ServerProcess> StartServerProcess(Context& context, const ServerOptions& options);

// Asks with SIGTERM and waits until the process is gone; DEADLINE_EXCEEDED after `patience`, never
// SIGKILL.
absl::Status StopServerProcess(int pid, absl::Duration patience);

// Notes of started servers in StateDirectory(), one file an address, so that `server stop` and
// `logs` find them.
absl::Status RememberServer(const Context& context, const ServerProcess& process);
std::optional<ServerProcess> RecallServer(const Context& context, const std::string& address);
void ForgetServer(const Context& context, const std::string& address);

}  // namespace torpor::cli
