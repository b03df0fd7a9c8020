#include "client/cli/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/cli/errors.h"
#include "client/cli/rpc.h"
#include "torpor/v1/server.grpc.pb.h"

namespace torpor::cli {
namespace {

namespace fs = std::filesystem;

// torpord prints it to stdout once it serves.
constexpr absl::string_view kListening = "listening on ";
constexpr absl::Duration kPoll = absl::Milliseconds(50);

std::string ReadFrom(const std::string& file, std::streamoff offset) {
  std::ifstream in(file, std::ios::binary);
  in.seekg(offset);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string LastLines(const std::string& text, size_t count) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  std::string last;
  for (size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i) {
    absl::StrAppend(&last, last.empty() ? "" : "\n  ", lines[i]);
  }
  return last;
}

// The address of the listening line, once it is there and whole.
std::string ListeningAddress(const std::string& text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t at = line.find(kListening);
    if (at == absl::string_view::npos || line.data() + line.size() == text.data() + text.size()) {
      continue;
    }
    const absl::string_view rest = line.substr(at + kListening.size());
    return std::string(rest.substr(0, rest.find_first_of(" \r")));
  }
  return "";
}

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& argv, const std::string& log_file) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_file.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A session of its own: neither Ctrl-C nor the end of the terminal reaches it. Signals as at the
  // start of a program.
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0].c_str(), &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return WorkFailed(absl::StrCat("cannot start ", argv[0], ": ", std::strerror(error)), log_file);
  }
  return pid;
}

std::string NoteFile(const Context& context, const std::string& address) {
  return absl::StrCat(StateDirectory(context), "/server-",
                      absl::StrReplaceAll(address, {{"/", "_"}, {":", "_"}}), ".json");
}

// Whether a process still does anything. One that has ended but was not reaped counts as gone: in a
// container the first process may never reap what it adopts.
bool Runs(int pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string stat;
  if (!std::getline(file, stat)) return false;
  // "PID (name) STATE ...", where the name may hold anything.
  const size_t end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 2 >= stat.size()) return false;
  const char state = stat[end_of_name + 2];
  return state != 'Z' && state != 'X';
}

}  // namespace

std::string StateDirectory(const Context& context) {
  const std::string base = context.Env("XDG_STATE_HOME");
  return base.empty() ? absl::StrCat(context.Env("HOME", "/tmp"), "/.local/state/torpor")
                      : absl::StrCat(base, "/torpor");
}

absl::StatusOr<std::string> FindServerBinary(const Context& context) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  std::vector<fs::path> candidates;
  if (!error) candidates.push_back(self.parent_path() / "torpord");
  const std::string search = context.Env("PATH");
  for (const absl::string_view folder : absl::StrSplit(search, ':', absl::SkipEmpty())) {
    candidates.push_back(fs::path(std::string(folder)) / "torpord");
  }
  for (const fs::path& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return UsageError("torpord is neither beside this program nor on the PATH",
                    self.parent_path().string(), "build the target torpord, or install Torpor");
}

absl::StatusOr<ServerProcess> StartServerProcess(Context& context, const ServerOptions& options) {
  CLI_ASSIGN_OR_RETURN(const std::string binary, FindServerBinary(context));
  ServerProcess process;
  process.data_dir = options.data_dir;
  process.log_file = options.log_file;
  if (process.log_file.empty()) {
    process.log_file = absl::StrCat(
        options.data_dir.empty() ? StateDirectory(context) : options.data_dir, "/torpord.log");
  }
  std::error_code error;
  const fs::path folder = fs::absolute(process.log_file).parent_path();
  fs::create_directories(folder, error);
  if (error) {
    return WorkFailed(absl::StrCat("cannot make the folder: ", error.message()), folder.string());
  }
  process.log_file = fs::absolute(process.log_file).string();
  // The log is appended to; only what this server writes counts.
  const auto log_size = fs::file_size(process.log_file, error);
  const std::streamoff offset = error ? 0 : static_cast<std::streamoff>(log_size);

  std::vector<std::string> argv = {binary, "--listen", options.listen};
  if (!options.data_dir.empty()) argv.insert(argv.end(), {"--data-dir", options.data_dir});
  if (!options.dataset_path.empty()) {
    argv.insert(argv.end(), {"--dataset-path", options.dataset_path});
  }
  argv.insert(argv.end(), options.flags.begin(), options.flags.end());
  CLI_ASSIGN_OR_RETURN(process.pid, Spawn(argv, process.log_file));

  const absl::Time give_up = absl::Now() + options.patience;
  while (true) {
    const std::string log = ReadFrom(process.log_file, offset);
    process.address = ListeningAddress(log);
    if (!process.address.empty()) break;
    int status = 0;
    if (waitpid(process.pid, &status, WNOHANG) == process.pid) {
      return WorkFailed(absl::StrCat("the server ended at once:\n  ", LastLines(log, 5)),
                        process.log_file, "mend what the log says; another --listen or --data-dir");
    }
    if (absl::Now() > give_up) {
      kill(process.pid, SIGTERM);
      waitpid(process.pid, &status, 0);
      return WorkFailed(
          absl::StrCat("the server was not up after ", absl::FormatDuration(options.patience)),
          process.log_file, "torpor server logs");
    }
    absl::SleepFor(kPoll);
  }
  // The line says that it listens; a call says that it serves.
  Context probe(context.in, context.out, context.err);
  probe.options.server = process.address;
  while (true) {
    const auto info = Call<v1::ServerService>(probe, &v1::ServerService::Stub::GetServerInfo,
                                              v1::GetServerInfoRequest());
    if (info.ok()) {
      process.data_dir = info->data_directory();
      return process;
    }
    if (absl::Now() > give_up) return info.status();
    absl::SleepFor(kPoll);
  }
}

absl::Status StopServerProcess(int pid, absl::Duration patience) {
  if (kill(pid, SIGTERM) != 0 && errno != ESRCH) {
    return WorkFailed(absl::StrCat("cannot signal process ", pid, ": ", std::strerror(errno)));
  }
  const absl::Time give_up = absl::Now() + patience;
  while (true) {
    int status = 0;
    // Reaps a child; a server that another program started is watched by its process id.
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid || (ended < 0 && !Runs(pid))) return absl::OkStatus();
    if (absl::Now() > give_up) {
      return absl::DeadlineExceededError(
          absl::StrCat("process ", pid, " still drains after ", absl::FormatDuration(patience)));
    }
    absl::SleepFor(kPoll);
  }
}

absl::Status RememberServer(const Context& context, const ServerProcess& process) {
  const std::string file = NoteFile(context, process.address);
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  std::ofstream out(file, std::ios::trunc);
  out << Dump({{"pid", process.pid},
               {"address", process.address},
               {"data_dir", process.data_dir},
               {"log_file", process.log_file}})
      << '\n';
  out.close();
  if (out) return absl::OkStatus();
  return WorkFailed("cannot note the server's process id", file);
}

std::optional<ServerProcess> RecallServer(const Context& context, const std::string& address) {
  std::ifstream in(NoteFile(context, address));
  if (!in) return std::nullopt;
  const Json note = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!note.is_object() || !note.contains("pid") || !note["pid"].is_number_integer()) {
    return std::nullopt;
  }
  const auto text = [&note](const char* key) {
    return note.contains(key) && note[key].is_string() ? note[key].get<std::string>()
                                                       : std::string();
  };
  return ServerProcess{note["pid"].get<int>(), address, text("data_dir"), text("log_file")};
}

void ForgetServer(const Context& context, const std::string& address) {
  std::error_code ignored;
  fs::remove(NoteFile(context, address), ignored);
}

}  // namespace torpor::cli
