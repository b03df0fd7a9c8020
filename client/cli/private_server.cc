#include "client/cli/private_server.h"

#include <signal.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"

namespace torpor::cli {

absl::StatusOr<std::unique_ptr<PrivateServer>> PrivateServer::Start(
    Context& context, const std::string& purpose, const std::string& dataset_path) {
  std::string directory =
      absl::StrCat(context.Env("TMPDIR", "/tmp"), "/torpor-", purpose, "-XXXXXX");
  if (mkdtemp(directory.data()) == nullptr) {
    return UsageError(absl::StrCat("no temporary directory: ", std::strerror(errno)), directory,
                      "set TMPDIR to a folder that can be written to");
  }
  // Owns the directory from here, also when the start fails.
  std::unique_ptr<PrivateServer> server(new PrivateServer(context, directory));
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.data_dir = directory;
  options.dataset_path = dataset_path;
  CLI_ASSIGN_OR_RETURN(server->process_, StartServerProcess(context, options));
  server->running_ = true;
  context.options.server = server->process_.address;
  return server;
}

PrivateServer::~PrivateServer() {
  if (keep_) return;
  if (running_ && !StopServerProcess(process_.pid, absl::Seconds(15)).ok()) {
    // Its data goes in a moment: nothing is lost by force.
    kill(process_.pid, SIGKILL);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

absl::Status PrivateServer::Keep() {
  keep_ = true;
  return RememberServer(context_, process_);
}

}  // namespace torpor::cli
