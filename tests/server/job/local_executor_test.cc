#include "server/job/local_executor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>

#include "absl/time/clock.h"
#include "engine/base/file_system.h"
#include "engine/base/status.h"
#include "engine/job/job_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_directory.h"

namespace torpor {
namespace {

class LocalExecutorTest : public testing::Test {
 protected:
  // An executor whose worker is a shell script with these lines; $1 is the job directory, $3 the
  // attempt.
  std::unique_ptr<LocalExecutor> WithScript(const std::string& lines) {
    LocalExecutorOptions options;
    options.worker = scratch_.path() + "/worker";
    EXPECT_TRUE(files_->WriteAtomically(options.worker, "#!/bin/sh\n" + lines + "\n").ok());
    std::filesystem::permissions(options.worker, std::filesystem::perms::owner_all);
    EXPECT_TRUE(files_->CreateDirectories(directory_.AttemptPath(1)).ok());
    return std::make_unique<LocalExecutor>(options);
  }
  absl::Status Start(LocalExecutor& executor) {
    return executor.Start({directory_.path(), 1}, [this](const WorkerExit& exit) {
      const std::lock_guard lock(mutex_);
      exit_ = exit;
      ended_.notify_all();
    });
  }
  WorkerExit WaitForExit() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        ended_.wait_for(lock, std::chrono::seconds(30), [this] { return exit_.has_value(); }));
    return exit_.value_or(WorkerExit());
  }
  std::string Output(const std::string& name) {
    const auto content = files_->Read(directory_.path() + "/" + name);
    return content.ok() ? *content : "";
  }
  // Waits until the script has written the file.
  void WaitFor(const std::string& name) {
    for (int i = 0; i < 3000 && Output(name).empty(); ++i) absl::SleepFor(absl::Milliseconds(10));
    ASSERT_FALSE(Output(name).empty());
  }

  ScratchDirectory scratch_;
  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
  JobDirectory directory_{scratch_.path() + "/job", files_.get()};
  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<WorkerExit> exit_;
};

TEST_F(LocalExecutorTest, ExitCodesAndSignalsAreReported) {
  auto executor = WithScript("exit 4");
  ASSERT_TRUE(Start(*executor).ok());
  EXPECT_EQ(WaitForExit().code, 4);
  EXPECT_EQ(exit_->ToString(), "exit code 4");
  exit_.reset();
  executor = WithScript("kill -9 $$");
  ASSERT_TRUE(Start(*executor).ok());
  EXPECT_EQ(WaitForExit().signal, SIGKILL);
  EXPECT_THAT(exit_->ToString(), testing::HasSubstr("signal 9"));
}

TEST_F(LocalExecutorTest, AWorkerInheritsNothingOfTheServer) {
  // Not closed on exec, as a careless library may leave it; above those that a shell opens for
  // itself.
  const int low = open("/dev/null", O_RDONLY);
  const int fd = fcntl(low, F_DUPFD, 100);
  close(low);
  ASSERT_GE(fd, 100);
  setenv("TORPOR_TEST_SECRET", "value", 1);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  auto executor = WithScript("env > $1/env; for f in 0 1 2 " + std::to_string(fd) +
                             "; do [ -e /proc/$$/fd/$f ] && echo $f; done > $1/descriptors; "
                             // By the shell itself: it blocks signals while it starts a program.
                             "while read key value; do [ \"$key\" = SigBlk: ] && echo $value; "
                             "done < /proc/$$/status > $1/signals; "
                             "echo out; echo err >&2; echo $3 > $1/attempt");
  ASSERT_TRUE(Start(*executor).ok());
  WaitForExit();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  unsetenv("TORPOR_TEST_SECRET");
  close(fd);
  EXPECT_THAT(Output("env"), testing::HasSubstr("LC_ALL=C.UTF-8"));
  EXPECT_THAT(Output("env"), testing::Not(testing::HasSubstr("SECRET")));
  EXPECT_EQ(Output("descriptors"), "0\n1\n2\n");
  EXPECT_THAT(Output("signals"), testing::HasSubstr("0000000000000000"));
  EXPECT_EQ(Output("attempt"), "1\n");
  EXPECT_EQ(*files_->Read(directory_.WorkerLogPath(1)), "out\nerr\n");
}

TEST_F(LocalExecutorTest, AKillReachesTheWorkersChildren) {
  auto executor = WithScript("sleep 1000 & echo $! > $1/child; wait");
  ASSERT_TRUE(Start(*executor).ok());
  WaitFor("child");
  const pid_t child = std::stoi(Output("child"));
  executor->Kill(directory_.path());
  EXPECT_EQ(WaitForExit().signal, SIGKILL);
  // The grandchild is dead too, or a zombie that nobody has reaped yet.
  for (int i = 0; i < 500; ++i) {
    const auto status = files_->Read("/proc/" + std::to_string(child) + "/stat");
    if (!status.ok() || status->find(") Z ") != std::string::npos) return;
    absl::SleepFor(absl::Milliseconds(10));
  }
  FAIL() << "the child of the worker lives";
}

TEST_F(LocalExecutorTest, AnInterruptionLetsTheWorkerEndByItself) {
  auto executor = WithScript(
      "trap 'echo saved > $1/saved; exit 3' TERM; echo yes > $1/ready; while :; do sleep 0.01; "
      "done");
  ASSERT_TRUE(Start(*executor).ok());
  WaitFor("ready");
  executor->Interrupt(directory_.path());
  EXPECT_EQ(WaitForExit().code, 3);
  EXPECT_EQ(Output("saved"), "saved\n");
}

TEST_F(LocalExecutorTest, AWorkerOutlivesTheExecutor) {
  auto executor = WithScript("echo yes > $1/ready; sleep 0.3; echo done > $1/done");
  ASSERT_TRUE(Start(*executor).ok());
  WaitFor("ready");
  executor.reset();
  WaitFor("done");
  EXPECT_FALSE(exit_.has_value());
}

TEST_F(LocalExecutorTest, AMissingBinaryIsAnErrorThatNamesIt) {
  LocalExecutor executor({scratch_.path() + "/absent", {}, {}});
  ASSERT_TRUE(files_->CreateDirectories(directory_.AttemptPath(1)).ok());
  const absl::Status status = Start(executor);
  EXPECT_EQ(ReasonOf(status), "WORKER_NOT_STARTED");
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("absent"));
}

TEST_F(LocalExecutorTest, AHeldLockMeansThatAWorkerLives) {
  ASSERT_TRUE(files_->CreateDirectories(directory_.path()).ok());
  EXPECT_FALSE(WorkerAlive(directory_.path()));
  const int fd = open(directory_.LockPath().c_str(), O_RDWR | O_CREAT, 0644);
  ASSERT_GE(fd, 0);
  EXPECT_FALSE(WorkerAlive(directory_.path()));
  ASSERT_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(WorkerAlive(directory_.path()));
  close(fd);
  EXPECT_FALSE(WorkerAlive(directory_.path()));
}

TEST(WorkerProgramTest, ABadCommandLineIsRefusedWithTheUsage) {
  const std::string worker = std::string(TORPOR_BINARY_DIR) + "/torpor-worker";
  for (const char* arguments :
       {"", "--attempt", "dir --attempt 0", "dir --attempt x", "dir other", "dir --unknown"}) {
    const int status = std::system((worker + " " + arguments + " 2> /dev/null").c_str());
    EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(WorkerExitCode::kUsage)) << arguments;
  }
}

}  // namespace
}  // namespace torpor
