#include "server/options.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/build_info.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The host part of HOST:PORT, without the brackets of IPv6.
std::string HostOf(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  std::string host = colon == std::string::npos ? listen : listen.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

ParsedOptions ParseOptions(int argc, char** argv) {
  ParsedOptions parsed;
  ServerOptions& options = parsed.options;
  CLI::App app{
      "torpord serves neuromorphic networks and turns their power down while they run.\n\n"
      "Example:\n  torpord --listen 127.0.0.1:7617 --data-dir ~/torpor --dataset-path "
      "/usr/share/datasets\n"};
  app.set_version_flag("--version", absl::StrCat("torpord ", Version(), " (", GitCommit(), ")"));
  app.add_option("--listen", options.listen,
                 "Address to serve on, HOST:PORT or unix:PATH; port 0: any free one")
      ->capture_default_str();
  app.add_option(
      "--data-dir", options.data_dir,
      "Where sessions, models and jobs are kept [$XDG_DATA_HOME/torpor or ~/.local/share/torpor]");
  app.add_option(
      "--dataset-path", options.dataset_path,
      "Folders with datasets, separated by ':' [$TORPOR_DATASET_PATH or " TORPOR_DATASET_DEFAULT
      "]");
  app.add_option("--worker", options.worker, "The torpor-worker program [beside torpord]");
  app.add_option("--job-slots", options.job_slots, "Jobs that run at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--queue-samples", options.queue_samples,
                 "Samples that may wait in each session's queue")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--log-level", options.log_level, "How much to log, to stderr")
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
  app.add_flag(
      "--insecure-listen-any", options.insecure_listen_any,
      "Allow an address that other machines can reach, without encryption or authentication");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit = true;
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return parsed;
}

absl::Status CompleteOptions(ServerOptions& options) {
  if (options.data_dir.empty()) {
    const std::string xdg = Environment("XDG_DATA_HOME");
    const std::string home = Environment("HOME");
    if (!xdg.empty()) {
      options.data_dir = xdg + "/torpor";
    } else if (!home.empty()) {
      options.data_dir = home + "/.local/share/torpor";
    } else {
      return WithHelp(absl::FailedPreconditionError("neither XDG_DATA_HOME nor HOME is set"),
                      "Pass --data-dir DIR.");
    }
  }
  std::error_code error;
  // Workers run elsewhere: a relative path would mean another place to them.
  const std::filesystem::path absolute = std::filesystem::absolute(options.data_dir, error);
  if (!error) options.data_dir = absolute.string();
  if (options.dataset_path.empty()) options.dataset_path = Environment("TORPOR_DATASET_PATH");
  if (options.dataset_path.empty()) options.dataset_path = TORPOR_DATASET_DEFAULT;
  if (options.worker.empty()) {
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
      return absl::InternalError(absl::StrCat("cannot find torpord's own path: ", error.message()));
    options.worker = (self.parent_path() / "torpor-worker").string();
  }
  return absl::OkStatus();
}

absl::Status CheckLoopback(const std::string& listen) {
  if (absl::StartsWith(listen, "unix:")) return absl::OkStatus();
  const std::string host = HostOf(listen);
  // "127.example.org" is a name and may be anywhere, so digits and dots alone count.
  const bool ipv4 =
      absl::StartsWith(host, "127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  if (ipv4 || host == "localhost" || host == "::1") return absl::OkStatus();
  return WithHelp(
      WithReason(absl::FailedPreconditionError(absl::StrCat(
                     "--listen ", listen,
                     " can be reached from other machines, and torpord has no encryption or "
                     "authentication yet")),
                 "NOT_LOOPBACK"),
      "Listen on 127.0.0.1 and tunnel (ssh -L), or accept the risk with --insecure-listen-any.");
}

}  // namespace torpor
