// torpor server: a local server in the background.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "client/cli/server_process.h"
#include "client/cli/watch.h"
#include "torpor/v1/server.grpc.pb.h"

namespace torpor::cli {
namespace {

struct StartFlags {
  std::string listen, data_dir, dataset_path, log_file;
  std::vector<std::string> flags;
};

absl::StatusOr<v1::ServerInfo> Info(Context& context) {
  return Call<v1::ServerService>(context, &v1::ServerService::Stub::GetServerInfo,
                                 v1::GetServerInfoRequest());
}

void PrintProcess(Context& context, const ServerProcess& process, bool started) {
  PrintObject(context, {{"address"}, {"pid"}, {"data_dir"}, {"log_file"}, {"started"}},
              {{"address", process.address},
               {"pid", process.pid},
               {"data_dir", process.data_dir},
               {"log_file", process.log_file},
               {"started", started}});
}

absl::Status Start(Context& context, const StartFlags& flags) {
  ServerOptions options;
  options.listen = flags.listen.empty() ? context.options.server : flags.listen;
  options.data_dir = flags.data_dir;
  options.dataset_path = flags.dataset_path;
  options.log_file = flags.log_file;
  options.flags = flags.flags;
  options.patience = context.options.timeout;
  if (!absl::EndsWith(options.listen, ":0")) {
    context.options.server = options.listen;
    if (const auto info = Info(context); info.ok()) {
      const auto noted = RecallServer(context, options.listen);
      PrintProcess(context,
                   {info->process_id(), options.listen, info->data_directory(),
                    noted ? noted->log_file : ""},
                   false);
      context.Note("a server runs there already");
      return absl::OkStatus();
    }
  }
  CLI_ASSIGN_OR_RETURN(const ServerProcess process, StartServerProcess(context, options));
  CLI_RETURN_IF_ERROR(RememberServer(context, process));
  PrintProcess(context, process, true);
  if (process.address != kDefaultServer) {
    context.Note(absl::StrCat("next: export TORPOR_SERVER=", process.address));
  }
  context.Note("next: torpor session create s1 -f net.yaml");
  return absl::OkStatus();
}

// Whether the process is a torpord: a note may have outlived its server, and the id may be another
// program's by now.
bool IsServer(int pid) {
  std::error_code error;
  const auto binary =
      std::filesystem::read_symlink(absl::StrCat("/proc/", pid, "/exe"), error).filename().string();
  return !error && absl::StartsWith(binary, "torpord");
}

bool OnThisMachine(absl::string_view address) {
  return absl::StartsWith(address, "127.") || absl::StartsWith(address, "localhost:") ||
         absl::StartsWith(address, "[::1]:") || absl::StartsWith(address, "unix:");
}

absl::Status Stop(Context& context) {
  const std::string& address = context.options.server;
  const absl::StatusOr<v1::ServerInfo> info = Info(context);
  const auto noted = RecallServer(context, address);
  int pid = 0;
  if (info.ok() && OnThisMachine(address)) {
    pid = info->process_id();
  } else if (noted && IsServer(noted->pid)) {
    pid = noted->pid;
  } else if (info.ok()) {
    return UsageError(absl::StrCat("the server at ", address, " runs on another machine"),
                      "torpor server stop", "stop it over there");
  } else {
    ForgetServer(context, address);
    return info.status();
  }
  CLI_RETURN_IF_ERROR(StopServerProcess(pid, context.options.timeout));
  ForgetServer(context, address);
  PrintObject(context, {{"stopped"}, {"pid"}}, {{"stopped", address}, {"pid", pid}});
  return absl::OkStatus();
}

absl::Status Status(Context& context) {
  CLI_ASSIGN_OR_RETURN(const v1::ServerInfo info, Info(context));
  Json json = {{"address", context.options.server}};
  json.update(ToJson(info));
  PrintObject(context,
              {{"address"},
               {"version"},
               {"git_commit"},
               {"process_id"},
               {"start_time", "up since"},
               {"cpu"},
               {"cpus"},
               {"gemm"},
               {"data_directory"},
               {"free_bytes", "free", Cell::kBytes},
               {"dataset_path"},
               {"job_slots"},
               {"queue_samples"},
               {"max_samples_per_request"},
               {"max_message_bytes", "max_message", Cell::kBytes}},
              json);
  return absl::OkStatus();
}

absl::Status Logs(Context& context, int count, bool follow) {
  const auto noted = RecallServer(context, context.options.server);
  if (!noted || noted->log_file.empty()) {
    return UsageError(
        absl::StrCat("no log of a server at ", context.options.server, " is known here"),
        StateDirectory(context), "torpor server start, or --server");
  }
  std::ifstream log(noted->log_file);
  if (!log) return UsageError("the log is gone", noted->log_file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    lines.push_back(std::move(line));
    if (static_cast<int>(lines.size()) > 2 * count + 100) {
      lines.erase(lines.begin(), lines.end() - count);
    }
  }
  const size_t skip = lines.size() > static_cast<size_t>(count) ? lines.size() - count : 0;
  for (size_t i = skip; i < lines.size(); ++i) context.out << lines[i] << '\n';
  context.out.flush();
  if (!follow) return absl::OkStatus();
  InterruptGuard guard;
  while (!InterruptGuard::Interrupted()) {
    log.clear();
    for (std::string line; std::getline(log, line);) context.out << line << std::endl;
    absl::SleepFor(absl::Milliseconds(200));
  }
  return Interrupted();
}

}  // namespace

void AddServerCommands(CLI::App& root, Context& context) {
  CLI::App* server = AddNoun(root, "server", "A local server in the background.",
                             "torpor server start\n"
                             "torpor server status\n"
                             "torpor server stop");
  auto flags = std::make_shared<StartFlags>();
  CLI::App* start = AddCommand(
      *server, "start", "Starts torpord and waits until it answers.",
      "torpor server start --data-dir ~/torpor --dataset-path /data:/usr/share/datasets\n"
      "torpor server start -- --job-slots 2",
      context, [=, &context] { return Start(context, *flags); });
  start->add_option("--listen", flags->listen, "host:port; default 127.0.0.1:7617 or --server");
  start->add_option("--data-dir", flags->data_dir,
                    "where it keeps everything; default ~/.local/share/torpor");
  start->add_option("--dataset-path", flags->dataset_path, "folders of datasets, split by `:`");
  start->add_option("--log-file", flags->log_file, "default torpord.log in the data directory");
  start->add_option("flags", flags->flags, "more flags of torpord, after `--`");
  AddCommand(*server, "stop", "Asks the server to drain and end, and waits for it.",
             "torpor server stop", context, [&context] { return Stop(context); });
  AddCommand(*server, "status", "What runs there: version, machine, limits.",
             "torpor server status -o json", context, [&context] { return Status(context); });
  auto count = std::make_shared<int>(50);
  auto follow = std::make_shared<bool>(false);
  CLI::App* logs = AddCommand(*server, "logs", "Prints the log of a server started here.",
                              "torpor server logs -n 20 -f", context,
                              [=, &context] { return Logs(context, *count, *follow); });
  logs->add_option("-n,--lines", *count, "last lines; default 50")->check(CLI::NonNegativeNumber);
  logs->add_flag("-f,--follow", *follow, "go on with what is written; Ctrl-C ends");
}

}  // namespace torpor::cli
