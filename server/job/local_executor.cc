#include "server/job/local_executor.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/job/job_directory.h"

namespace torpor {
namespace {

constexpr std::chrono::milliseconds kReapInterval(20);

// NULL-terminated pointers into `strings`, as exec wants them.
std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// The attributes and file actions of posix_spawn, freed at the end.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // The first error number, or 0.
  int Prepare(const std::string& log) {
    // The server blocks signals for its signal thread; a worker starts with none blocked and
    // default actions.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    const int flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    for (int error :
         {posix_spawnattr_setflags(&attributes_, flags), posix_spawnattr_setpgroup(&attributes_, 0),
          posix_spawnattr_setsigmask(&attributes_, &none),
          posix_spawnattr_setsigdefault(&attributes_, &all),
          posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0),
          posix_spawn_file_actions_addopen(&actions_, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                           0644),
          posix_spawn_file_actions_adddup2(&actions_, 1, 2),
          posix_spawn_file_actions_addclosefrom_np(&actions_, 3)}) {
      if (error != 0) return error;
    }
    return 0;
  }
  posix_spawnattr_t* attributes() { return &attributes_; }
  posix_spawn_file_actions_t* actions() { return &actions_; }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

// The process id that a worker wrote into its lock; 0 if none.
pid_t LockHolder(const std::string& directory) {
  std::ifstream lock(JobDirectory(directory, nullptr).LockPath());
  pid_t pid = 0;
  return lock >> pid ? pid : 0;
}

// The worker with all its children; the worker alone where it leads no group (it was started by
// hand).
void SignalGroup(pid_t pid, int signal) {
  if (kill(-pid, signal) != 0) kill(pid, signal);
}

}  // namespace

std::string WorkerExit::ToString() const {
  if (signal != 0) return absl::StrCat("signal ", signal, " (", strsignal(signal), ")");
  return absl::StrCat("exit code ", code);
}

bool WorkerAlive(const std::string& directory) {
  const int fd = open(JobDirectory(directory, nullptr).LockPath().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  // A shared lock that is given up at once: it cannot be had while a worker holds the exclusive
  // one.
  const bool free = flock(fd, LOCK_SH | LOCK_NB) == 0;
  close(fd);
  return !free;
}

LocalExecutor::LocalExecutor(LocalExecutorOptions options)
    : options_(std::move(options)), reaper_([this] { ReapLoop(); }) {}

LocalExecutor::~LocalExecutor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  reaper_.join();
}

absl::Status LocalExecutor::Start(const Launch& launch,
                                  std::function<void(const WorkerExit&)> on_exit) {
  std::vector<std::string> arguments = {options_.worker, launch.directory, "--attempt",
                                        std::to_string(launch.attempt)};
  arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
  SpawnSettings settings;
  int error =
      settings.Prepare(JobDirectory(launch.directory, nullptr).WorkerLogPath(launch.attempt));
  std::lock_guard lock(mutex_);
  pid_t pid = 0;
  if (error == 0) {
    error = posix_spawn(&pid, options_.worker.c_str(), settings.actions(), settings.attributes(),
                        Pointers(arguments).data(), Pointers(options_.environment).data());
  }
  if (error != 0) {
    return WithReason(absl::InternalError(absl::StrCat("cannot start ", options_.worker, ": ",
                                                       std::strerror(error))),
                      "WORKER_NOT_STARTED");
  }
  children_.push_back({launch.directory, pid, std::move(on_exit)});
  wake_.notify_all();
  return absl::OkStatus();
}

void LocalExecutor::ReapLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (children_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_for(lock, kReapInterval);
    }
    for (size_t i = 0; i < children_.size() && !stopping_;) {
      int status = 0;
      if (waitpid(children_[i].pid, &status, WNOHANG) != children_[i].pid) {
        ++i;
        continue;
      }
      WorkerExit exit;
      if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
      if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
      const Child child = std::move(children_[i]);
      children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
      lock.unlock();
      child.on_exit(exit);
      lock.lock();
    }
  }
}

void LocalExecutor::Interrupt(const std::string& directory) { Signal(directory, SIGTERM); }

void LocalExecutor::Kill(const std::string& directory) { Signal(directory, SIGKILL); }

void LocalExecutor::Signal(const std::string& directory, int signal) {
  std::lock_guard lock(mutex_);
  for (const Child& child : children_) {
    if (child.directory == directory) {
      SignalGroup(child.pid, signal);
      return;
    }
  }
  // A worker that an earlier server started: while the lock is held, its holder lives and its id is
  // its own.
  if (!WorkerAlive(directory)) return;
  if (const pid_t pid = LockHolder(directory); pid > 1) SignalGroup(pid, signal);
}

}  // namespace torpor
