// The command line of torpord.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace torpor {

struct ServerOptions {
  // HOST:PORT or unix:PATH; port 0 lets the system choose.
  std::string listen = "127.0.0.1:7617";
  // Empty: $XDG_DATA_HOME/torpor, else ~/.local/share/torpor.
  std::string data_dir;
  // A:B; empty: $TORPOR_DATASET_PATH, else the built-in default.
  std::string dataset_path;
  // The torpor-worker binary; empty: beside torpord.
  std::string worker;
  // Jobs that run at once, 1..256.
  int job_slots = 1;
  // Samples that may wait in each session's queue, 1..1000000.
  int queue_samples = 16384;
  // trace, debug, info, warning, error, off.
  std::string log_level = "info";
  // Allows addresses that other machines can reach, without encryption or authentication.
  bool insecure_listen_any = false;
};

// What came of the command line: run, or exit with a code because help or an error has been
// printed.
struct ParsedOptions {
  ServerOptions options;
  bool exit = false;
  int exit_code = 0;
};
ParsedOptions ParseOptions(int argc, char** argv);

// Fills in what was left empty from the environment (`home`, `xdg_data_home` and so on are looked
// up here) and from the place of the binary.
absl::Status CompleteOptions(ServerOptions& options);

// OK if `listen` is a Unix socket or an address of the loopback interface; else FAILED_PRECONDITION
// that says why and what to do.
absl::Status CheckLoopback(const std::string& listen);

}  // namespace torpor
