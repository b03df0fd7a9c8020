#include "client/cli/watch.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/errors.h"
#include "client/cli/rpc.h"
#include "google/rpc/error_details.pb.h"
#include "torpor/v1/job.grpc.pb.h"

namespace torpor::cli {
namespace {

// A signal handler can reach nothing but a global.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void OnInterrupt(int) { interrupted = 1; }

constexpr absl::Duration kPoll = absl::Milliseconds(50);
// Every call has a deadline; a watch that reaches it goes on from where it was.
constexpr absl::Duration kWatchDeadline = absl::Hours(1);

// Cancels `call` when Ctrl-C is pressed while it lives.
class CancelOnInterrupt {
 public:
  explicit CancelOnInterrupt(grpc::ClientContext& call)
      : thread_([this, &call] {
          while (!done_) {
            if (InterruptGuard::Interrupted()) {
              call.TryCancel();
              return;
            }
            absl::SleepFor(kPoll);
          }
        }) {}
  ~CancelOnInterrupt() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

bool Ended(const v1::Job& job) {
  return job.state() == v1::JobState::SUCCEEDED || job.state() == v1::JobState::FAILED ||
         job.state() == v1::JobState::CANCELLED;
}

absl::Status Detach(Context& context, const std::string& name) {
  const std::string id = ShortName(name);
  context.err << "\ndetached: " << id << " goes on in the server\n"
              << "  watch it again: torpor job watch " << id << "\n"
              << "  cancel it:      torpor job cancel " << id << std::endl;
  return Interrupted();
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  previous_ = std::signal(SIGINT, OnInterrupt);
}

InterruptGuard::~InterruptGuard() { std::signal(SIGINT, previous_); }

bool InterruptGuard::Interrupted() { return interrupted != 0; }

absl::StatusOr<v1::Job> FollowJob(Context& context, const std::string& name, ProgressStyle style,
                                  int64_t from_sequence, bool stays) {
  InterruptGuard guard;
  JobProgress progress(context, style);
  v1::WatchJobRequest request;
  request.set_name(name);
  request.set_from_sequence(from_sequence);
  absl::Time last_heard = absl::Now();
  while (true) {
    const auto stub = v1::JobService::NewStub(context.Channel());
    grpc::ClientContext call;
    SetDeadline(call, kWatchDeadline);
    grpc::Status status;
    {
      CancelOnInterrupt cancel(call);
      const auto reader = stub->WatchJob(&call, request);
      v1::WatchJobResponse response;
      v1::Job ended;
      while (reader->Read(&response)) {
        last_heard = absl::Now();
        if (response.has_job()) {
          if (Ended(response.job())) {
            ended = response.job();
          } else {
            progress.OnJob(response.job());
          }
        } else if (response.has_event()) {
          request.set_from_sequence(response.event().sequence());
          progress.OnEvent(response.event());
        }
      }
      status = reader->Finish();
      // The server tells the ended job first and last; only the end of the stream says that all
      // events were seen.
      if (Ended(ended) && status.ok()) {
        progress.OnJob(ended);
        progress.Finish();
        return ended;
      }
    }
    if (InterruptGuard::Interrupted()) {
      progress.Finish();
      return stays ? Detach(context, name) : Interrupted();
    }
    const bool again = status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                       status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (!again || absl::Now() - last_heard > context.options.timeout) {
      progress.Finish();
      return status.ok() ? WorkFailed(absl::StrCat("the watch of ", name, " ended early"))
                         : FromGrpc(status, context.options.server);
    }
    absl::SleepFor(absl::Milliseconds(200));
  }
}

absl::Status JobOutcome(const v1::Job& job) {
  if (job.state() == v1::JobState::SUCCEEDED) return absl::OkStatus();
  const std::string id = ShortName(job.name());
  std::string what =
      absl::StrCat("job ", id, " ", absl::AsciiStrToLower(v1::JobState::Kind_Name(job.state())));
  if (job.has_error()) absl::StrAppend(&what, ": ", job.error().message());
  std::string hint = absl::StrCat("torpor job get ", id);
  for (const auto& detail : job.error().details()) {
    google::rpc::Help help;
    if (detail.UnpackTo(&help) && help.links_size() > 0) hint = help.links(0).description();
  }
  return WorkFailed(
      what,
      absl::StrCat(JobKind(job.spec()), " of ", ShortName(job.spec().session()), ", attempt ",
                   job.attempt(), job.reason().empty() ? "" : absl::StrCat(", ", job.reason())),
      hint);
}

}  // namespace torpor::cli
