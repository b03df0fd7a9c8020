// What every command of the CLI is given: options, streams, terminal, and the connection to the
// server.
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"

namespace torpor::cli {

enum class Format { kTable, kJson, kCsv };

inline constexpr absl::string_view kDefaultServer = "127.0.0.1:7617";

// Flags that every command takes. Precedence: flag, environment, default.
struct Options {
  // host:port. --server, else TORPOR_SERVER.
  std::string server{kDefaultServer};
  // Deadline of every unary call. --timeout.
  absl::Duration timeout = absl::Seconds(30);
  // -o, else TORPOR_OUTPUT.
  Format format = Format::kTable;
  // --no-color, else NO_COLOR.
  bool no_color = false;
  // Leaves out notes such as "next: ..."; errors and data still come. -q.
  bool quiet = false;
};

// Not thread-safe. Data goes to `out`, everything else to `err`, so that output can be piped.
struct Context {
  Context(std::istream& in_stream, std::ostream& out_stream, std::ostream& err_stream)
      : in(in_stream), out(out_stream), err(err_stream) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Options options;
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Path of the running program; torpord is looked for beside it.
  std::string program = "torpor";
  // Reads the environment; null means that the variable is not set. Replaced in tests.
  std::function<const char*(const char* name)> environment;
  // What the parsed command does; set by the callback of the chosen verb (see command.h).
  std::function<absl::Status()> action;

  // The variable's value, or `fallback` when unset or empty.
  std::string Env(const char* name, absl::string_view fallback = "") const;
  // Colour and a moving progress line: only on a terminal and not against the user's wish.
  bool UseColor() const { return err_is_terminal && !options.no_color; }
  // A remark for people, on `err`; nothing with -q.
  void Note(absl::string_view line);

  // The channel to options.server, made on the first call with a receive limit of 64 MiB.
  std::shared_ptr<grpc::Channel> Channel();

 private:
  std::string channel_server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace torpor::cli
