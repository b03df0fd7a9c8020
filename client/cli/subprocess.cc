#include "client/cli/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace torpor::cli {
namespace {

// Closes a descriptor when it goes.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void Set(int fd) {
    Close();
    fd_ = fd;
  }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// What posix_spawn needs, with its cleaning up.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    // Children must not inherit signals that the client ignores or blocks.
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) sigaddset(&usual, signal);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  void Redirect(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }

  absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& argv,
                              const std::vector<std::string>& environment) {
    std::vector<char*> arguments;
    for (const std::string& arg : argv) arguments.push_back(const_cast<char*>(arg.c_str()));
    arguments.push_back(nullptr);
    std::vector<char*> variables;
    // The added entries stand first: look-ups take the first of a name.
    for (const std::string& entry : environment) {
      variables.push_back(const_cast<char*>(entry.c_str()));
    }
    for (char** entry = environ; *entry != nullptr; ++entry) variables.push_back(*entry);
    variables.push_back(nullptr);
    pid_t pid = 0;
    const int error = posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments.data(),
                                   variables.data());
    if (error == ENOENT) return absl::NotFoundError(absl::StrCat(argv[0], ": no such program"));
    if (error != 0) return absl::InternalError(absl::StrCat(argv[0], ": ", std::strerror(error)));
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

int ExitCodeOfWait(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return ExitCodeOfWait(status);
}

// Appends what can be read now; closes at the end of the stream.
void ReadSome(Descriptor& from, std::string& to) {
  char buffer[16384];
  const ssize_t n = read(from.get(), buffer, sizeof(buffer));
  if (n > 0) {
    to.append(buffer, static_cast<size_t>(n));
  } else if (n == 0 || errno != EINTR) {
    from.Close();
  }
}

}  // namespace

absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& argv,
                                         absl::string_view input, absl::Duration timeout,
                                         const std::vector<std::string>& environment) {
  // The input goes through a socket, because a send to a program that has ended can be told not to
  // raise SIGPIPE.
  int in[2], out[2], err[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("socketpair: ", std::strerror(errno)));
  }
  Descriptor in_child(in[0]), in_here(in[1]);
  if (pipe2(out, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  Descriptor out_here(out[0]), out_child(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  Descriptor err_here(err[0]), err_child(err[1]);

  SpawnPlan plan;
  plan.Redirect(in_child.get(), STDIN_FILENO);
  plan.Redirect(out_child.get(), STDOUT_FILENO);
  plan.Redirect(err_child.get(), STDERR_FILENO);
  absl::StatusOr<pid_t> pid = plan.Spawn(argv, environment);
  if (!pid.ok()) return pid.status();
  in_child.Close();
  out_child.Close();
  err_child.Close();

  ProgramResult result;
  const absl::Time deadline = absl::Now() + timeout;
  while (out_here.open() || err_here.open()) {
    // Both directions at once: a program that answers while it reads must not wait for us, nor we
    // for it.
    if (in_here.open() && input.empty()) in_here.Close();
    pollfd waits[3] = {
        {in_here.get(), POLLOUT, 0}, {out_here.get(), POLLIN, 0}, {err_here.get(), POLLIN, 0}};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left <= 0) {
      kill(*pid, SIGKILL);
      WaitFor(*pid);
      return absl::DeadlineExceededError(
          absl::StrCat(argv[0], " did not end within ", absl::FormatDuration(timeout)));
    }
    if (poll(waits, 3, static_cast<int>(left)) <= 0) continue;
    if (waits[0].revents != 0) {
      const ssize_t n =
          send(in_here.get(), input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) {
        input.remove_prefix(static_cast<size_t>(n));
      } else if (errno != EINTR && errno != EAGAIN) {
        in_here.Close();
      }
    }
    if (waits[1].revents != 0) ReadSome(out_here, result.output);
    if (waits[2].revents != 0) ReadSome(err_here, result.errors);
  }
  result.exit_code = WaitFor(*pid);
  return result;
}

}  // namespace torpor::cli
