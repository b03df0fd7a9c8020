// torpord as one object: everything from the data directory to the port.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/options.h"

namespace torpor {

// A running server. Start and Stop are called by one thread.
class Server {
 public:
  // Locks the data directory, brings sessions and jobs back, and serves. `options` are complete.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  // As Stop.
  ~Server();

  // What it listens on, with the port that the system chose.
  const std::string& address() const;

  // Health says NOT_SERVING, new calls are refused, calls and samples in flight end and are
  // answered, streams are closed; running jobs are interrupted and go on after the next start.
  void Stop();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace torpor
