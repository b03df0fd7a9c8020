// A world for end-to-end tests: a real torpord on a port and in a folder of its own, and the torpor
// program to drive it. Linux. Not thread-safe.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/scratch_directory.h"

namespace torpor::e2e {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Waits until `condition` holds; false after `patience`.
inline bool WaitFor(const std::function<bool()>& condition, seconds patience = seconds(60)) {
  const auto give_up = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() > give_up) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

// A finished program.
struct Result {
  // Exit status, or 128 + the signal that ended it.
  int exit_code = -1;
  std::string out;
  std::string err;

  // Standard output as JSON; null (which no test expects) when it is none.
  Json json() const { return Json::parse(out, nullptr, false); }
};

class World : public testing::Test {
 protected:
  void SetUp() override {
    StartServer();
    ASSERT_FALSE(address_.empty()) << ReadFile(Path("server.err"));
  }

  void TearDown() override {
    // A server that crashes on its way out, or has leaked, fails the test that it served.
    if (server_ > 0) {
      EXPECT_EQ(StopServer(SIGTERM), 0);
    }
    CheckWorkerLogs();
    if (HasFailure()) std::cerr << "--- server log\n" << ReadFile(Path("server.err"));
  }

  std::string Path(const std::string& name) const { return scratch_.File(name); }
  const std::string& address() const { return address_; }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }

  // Starts torpord on the same folder, after the first time also on the same port.
  void StartServer(const std::vector<std::string>& flags = {}) {
    std::filesystem::remove(Path("server.out"));
    std::vector<std::string> argv = {
        Program("torpord"), "--listen",   address_.empty() ? "127.0.0.1:0" : address_,
        "--data-dir",       Path("data"), "--dataset-path",
        Path("datasets"),   "--worker",   Path("worker")};
    argv.insert(argv.end(), flags.begin(), flags.end());
    std::filesystem::create_directories(Path("datasets"));
    // Checkpoints after every epoch instead of every ten seconds, so that faults come after one.
    Write("worker",
          "#!/bin/sh\nexec " + Program("torpor-worker") + " \"$@\" --checkpoint-seconds 0\n");
    std::filesystem::permissions(Path("worker"), std::filesystem::perms::owner_all);
    server_ = Spawn(argv, "/dev/null", Path("server.out"), Path("server.err"));
    const std::string mark = "listening on ";
    ASSERT_TRUE(WaitFor(
        [&] {
          const std::string out = ReadFile(Path("server.out"));
          return out.find(mark) != std::string::npos && out.back() == '\n';
        },
        seconds(30)))
        << ReadFile(Path("server.err"));
    const std::string out = ReadFile(Path("server.out"));
    const size_t at = out.find(mark) + mark.size();
    address_ = out.substr(at, out.find('\n', at) - at);
  }

  // Returns the exit code as Result does.
  int StopServer(int signal) {
    if (server_ <= 0) return -1;
    kill(server_, signal);
    const int code = Reap(server_);
    server_ = 0;
    return code;
  }

  pid_t server() const { return server_; }

  // Runs `torpor ARGUMENTS` against the server.
  Result Torpor(const std::vector<std::string>& arguments, const std::string& input = "") {
    return Wait(StartTorpor(arguments, input));
  }

  // A program that still runs, with the files that it writes to.
  struct Running {
    pid_t pid = 0;
    std::string out_file;
    std::string err_file;
  };

  Running StartTorpor(const std::vector<std::string>& arguments, const std::string& input = "") {
    std::vector<std::string> argv = {Program("torpor")};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return Start(argv, input);
  }

  Running Start(const std::vector<std::string>& argv, const std::string& input = "") {
    const std::string stem = Path("run" + std::to_string(++runs_));
    std::ofstream(stem + ".in", std::ios::binary) << input;
    return {Spawn(argv, stem + ".in", stem + ".out", stem + ".err"), stem + ".out", stem + ".err"};
  }

  Result Wait(const Running& running) {
    Result result;
    result.exit_code = Reap(running.pid);
    result.out = ReadFile(running.out_file);
    result.err = ReadFile(running.err_file);
    return result;
  }

  // The running worker of this world, 0 if there is none: a torpor-worker whose command line names
  // our folder.
  pid_t Worker() const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string line = ReadFile(entry.path().string() + "/cmdline");
      if (line.find("torpor-worker") != std::string::npos &&
          line.find(scratch_.path()) != std::string::npos) {
        return static_cast<pid_t>(std::stoi(name));
      }
    }
    return 0;
  }

  // False when there is none: process id 0 would mean every process of our group.
  bool KillWorker() const {
    const pid_t worker = Worker();
    return worker > 0 && kill(worker, SIGKILL) == 0;
  }

  static std::string Program(const std::string& name) {
    return std::string(TORPOR_BINARY_DIR) + "/" + name;
  }

  // Variables beside PATH, HOME, XDG_STATE_HOME and TORPOR_SERVER.
  std::vector<std::string> environment_;

 private:
  pid_t Spawn(const std::vector<std::string>& argv, const std::string& in, const std::string& out,
              const std::string& err) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, in.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const char* path = getenv("PATH");
    std::vector<std::string> variables = {
        std::string("PATH=") + (path == nullptr ? "/usr/bin:/bin" : path),
        "HOME=" + scratch_.path(), "XDG_STATE_HOME=" + scratch_.File("state"),
        "TORPOR_SERVER=" + address_};
    variables.insert(variables.end(), environment_.begin(), environment_.end());
    const auto pointers = [](const std::vector<std::string>& strings) {
      std::vector<char*> list;
      for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
      list.push_back(nullptr);
      return list;
    };
    pid_t pid = 0;
    const int error = posix_spawn(&pid, argv[0].c_str(), &files, nullptr, pointers(argv).data(),
                                  pointers(variables).data());
    posix_spawn_file_actions_destroy(&files);
    EXPECT_EQ(error, 0) << argv[0];
    return pid;
  }

  // A worker that leaks has given its result before that shows: only its log can tell.
  void CheckWorkerLogs() const {
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator entry(Path("data"), error), end;
         !error && entry != end; entry.increment(error)) {
      if (entry->path().filename() != "worker.log") continue;
      const std::string log = ReadFile(entry->path());
      EXPECT_EQ(log.find("Sanitizer: "), std::string::npos) << log;
    }
  }

  static int Reap(pid_t pid) {
    int status = 0;
    if (pid <= 0 || waitpid(pid, &status, 0) != pid) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  ScratchDirectory scratch_;
  std::string address_;
  pid_t server_ = 0;
  int runs_ = 0;
};

// A small network for the synthetic set.
inline constexpr char kSmallNetwork[] =
    "displayName: small\n"
    "rate:\n"
    "  input: {shape: [12, 12]}\n"
    "  layers:\n"
    "    - {name: hidden, dense: {units: 32}, activation: RELU}\n"
    "    - {name: out, dense: {units: 10}, activation: SIGMOID}\n";

}  // namespace torpor::e2e
