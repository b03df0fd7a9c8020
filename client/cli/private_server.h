// A server for one command: on a free loopback port, with a temporary data directory, gone when the
// command ends.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/server_process.h"

namespace torpor::cli {

// Not thread-safe. The context's server is the private one from the start on.
class PrivateServer {
 public:
  // Starts torpord (beside this program, else from PATH) and waits until it answers. `purpose`
  // names the directory.
  static absl::StatusOr<std::unique_ptr<PrivateServer>> Start(Context& context,
                                                              const std::string& purpose,
                                                              const std::string& dataset_path);
  // Ends the server and removes its data, unless it is kept.
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  // Leaves the server running, where `torpor server stop` finds it.
  absl::Status Keep();
  const ServerProcess& process() const { return process_; }

 private:
  PrivateServer(Context& context, std::string directory)
      : context_(context), directory_(std::move(directory)) {}

  Context& context_;
  const std::string directory_;
  ServerProcess process_;
  bool running_ = false;
  bool keep_ = false;
};

}  // namespace torpor::cli
