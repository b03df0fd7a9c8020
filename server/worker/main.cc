// torpor-worker JOB_DIR [--attempt N] [--threads N] [--checkpoint-seconds S]: runs one attempt of
// one job and ends.
//
// Holds flock(JOB_DIR/lock) for its life and writes its process id into it, reads only the job
// directory and the datasets, and outlives the server that started it. SIGTERM interrupts the job:
// it checkpoints and ends without a result, so that another attempt can go on. Exit codes:
// WorkerExitCode (engine/job/job_directory.h).
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "engine/base/cancellation.h"
#include "engine/base/file_system.h"
#include "engine/base/status.h"
#include "engine/families.h"
#include "engine/job/job_directory.h"
#include "engine/job/run_job.h"
#include "spdlog/sinks/basic_file_sink.h"
#include "spdlog/spdlog.h"

namespace torpor {
namespace {

constexpr char kUsage[] =
    "usage: torpor-worker JOB_DIR [--attempt N] [--threads N] [--checkpoint-seconds S]\n";
// Jobs yield to the server, which answers people.
constexpr int kNiceness = 10;
// A worker that a server left behind may need a moment to see that it was given up.
constexpr absl::Duration kLockPatience = absl::Seconds(10);

struct Arguments {
  std::string directory;
  int attempt = 1;
  int threads = 0;
  // Least time between two checkpoints.
  int checkpoint_seconds = 10;
};

bool ParseArguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    int* value = argument == "--attempt"              ? &arguments.attempt
                 : argument == "--threads"            ? &arguments.threads
                 : argument == "--checkpoint-seconds" ? &arguments.checkpoint_seconds
                                                      : nullptr;
    if (value != nullptr) {
      const int least = value == &arguments.checkpoint_seconds ? 0 : 1;
      if (++i == argc || !absl::SimpleAtoi(argv[i], value) || *value < least) return false;
    } else if (argument.starts_with("-") || !arguments.directory.empty()) {
      return false;
    } else {
      arguments.directory = argument;
    }
  }
  return !arguments.directory.empty();
}

// Takes the lock for the rest of the process's life. False if another worker keeps it.
bool TakeLock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  const absl::Time deadline = absl::Now() + kLockPatience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(50));
  }
  // Whom to signal, for a server that did not start this process itself.
  const std::string pid = std::to_string(getpid()) + "\n";
  return ftruncate(fd, 0) == 0 &&
         write(fd, pid.data(), pid.size()) == static_cast<ssize_t>(pid.size());
}

// Takes SIGTERM and SIGINT out of every thread's way and waits for them on one of its own.
class SignalThread {
 public:
  explicit SignalThread(Cancellation* cancellation) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::thread([this, cancellation] {
      int signal = 0;
      while (sigwait(&signals_, &signal) == 0 && signal != SIGUSR1) {
        spdlog::info("signal {}: stopping", signal);
        cancellation->Cancel();
      }
    });
  }
  ~SignalThread() {
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }

 private:
  sigset_t signals_;
  std::thread thread_;
};

WorkerExitCode CodeOf(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  if (absl::IsCancelled(status)) return WorkerExitCode::kInterrupted;
  if (reason == "DISK_FULL") return WorkerExitCode::kDiskFull;
  if (absl::IsDataLoss(status) || absl::IsNotFound(status)) return WorkerExitCode::kUsage;
  return WorkerExitCode::kNoResult;
}

WorkerExitCode Run(const Arguments& arguments) {
  std::unique_ptr<FileSystem> files = NewPosixFileSystem();
  const JobDirectory directory(arguments.directory, files.get());
  if (absl::Status status = files->CreateDirectories(directory.AttemptPath(arguments.attempt));
      !status.ok()) {
    std::fprintf(stderr, "torpor-worker: %s\n", status.ToString().c_str());
    return WorkerExitCode::kUsage;
  }
  try {
    spdlog::set_default_logger(
        spdlog::basic_logger_mt("worker", directory.WorkerLogPath(arguments.attempt)));
  } catch (const spdlog::spdlog_ex& error) {
    // The log goes to standard error then, which the server collects.
    spdlog::warn("{}", error.what());
  }
  spdlog::flush_on(spdlog::level::info);
  if (!TakeLock(directory.LockPath())) {
    spdlog::error("cannot lock {}: {}", directory.LockPath(), std::strerror(errno));
    return WorkerExitCode::kLocked;
  }
  if (setpriority(PRIO_PROCESS, 0, kNiceness) != 0)
    spdlog::warn("cannot lower the priority: {}", std::strerror(errno));

  Cancellation cancellation;
  const SignalThread signals(&cancellation);
  spdlog::info("{} attempt {} begins, process {}", arguments.directory, arguments.attempt,
               getpid());
  RunJobOptions options;
  options.threads = arguments.threads;
  options.checkpoint_interval = absl::Seconds(arguments.checkpoint_seconds);
  const absl::StatusOr<v1::WorkResult> result = RunJob(
      arguments.directory, arguments.attempt, files.get(), BuildModel, &cancellation, options);
  if (!result.ok()) {
    spdlog::error("ends without a result: {}", result.status().ToString());
    return CodeOf(result.status());
  }
  spdlog::info("ends as {} {}", v1::JobState::Kind_Name(result->state()),
               result->error().message());
  return WorkerExitCode::kResult;
}

}  // namespace
}  // namespace torpor

int main(int argc, char** argv) {
  torpor::Arguments arguments;
  if (!torpor::ParseArguments(argc, argv, arguments)) {
    std::fputs(torpor::kUsage, stderr);
    return static_cast<int>(torpor::WorkerExitCode::kUsage);
  }
  return static_cast<int>(torpor::Run(arguments));
}
