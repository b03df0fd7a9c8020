// All jobs: accepting, running, following, cancelling and finding them again after a restart.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/file_system.h"
#include "engine/data/catalogue.h"
#include "engine/network/model.h"
#include "server/job/event_tail.h"
#include "server/job/executor.h"
#include "server/job/job_watch.h"
#include "server/job/outcome.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "server/store/catalogue.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

struct JobManagerOptions {
  // Holds one directory a job.
  std::string jobs_directory;
  // The torpor-worker binary.
  std::string worker;
  // Further arguments of every worker, e.g. {"--checkpoint-seconds", "1"}.
  std::vector<std::string> worker_arguments;
  // Jobs that run at once, >= 1.
  int slots = 1;
  // Folders that datasets are looked up in; workers get the same.
  std::vector<std::string> dataset_path;
  // How often logs and workers are looked at.
  absl::Duration poll_interval = absl::Milliseconds(50);
  // A cancelled worker that has not ended by then is killed.
  absl::Duration cancel_patience = absl::Seconds(10);
  // How long Stop waits for interrupted workers to checkpoint.
  absl::Duration stop_patience = absl::Seconds(10);
};

// The job table is the catalogue's collection "jobs" (each row a serialised Job); what is known of
// jobs that have not ended is also in memory. All changes of state happen under one lock and are
// durable before anybody sees them. Thread-safe; every call may block on the disk and must not be
// made from a gRPC reaction.
class JobManager : public JobSource {
 public:
  // All pointers outlive the manager. `executor` null: child processes of `options.worker`.
  JobManager(JobManagerOptions options, Catalogue* catalogue, FileSystem* files,
             SessionRegistry* sessions, ModelStore* models, ModelFactory factory,
             std::unique_ptr<Executor> executor = nullptr);
  // Lets workers run on, for the next server to follow; call Stop first to have them checkpoint and
  // end.
  ~JobManager() override;
  JobManager(const JobManager&) = delete;
  JobManager& operator=(const JobManager&) = delete;

  // Finds the jobs of the catalogue again, follows workers that live, and begins to run jobs. Call
  // once.
  absl::Status Start();
  // Starts no more jobs, interrupts the running ones (they go on from their checkpoints after the
  // next Start, which costs them no attempt) and waits for them.
  void Stop();

  absl::StatusOr<v1::Job> Create(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> Get(std::string_view name) const override;
  absl::StatusOr<v1::ListJobsResponse> List(const v1::ListJobsRequest& request) const;
  absl::StatusOr<v1::Job> Cancel(const v1::CancelJobRequest& request);
  // `on_change` is called from the manager's thread whenever the watch may have more to say; it
  // must be quick, must not call the manager, and says whether it took the news (else it is called
  // again at the next look).
  absl::StatusOr<std::unique_ptr<JobWatch>> Watch(const v1::WatchJobRequest& request,
                                                  std::function<bool()> on_change);

  void RemoveWatch(int64_t token) override;
  std::string EventsPath(std::string_view name, int attempt) const override;

 private:
  // A job that has not ended.
  struct Entry {
    v1::Job job;
    int64_t version = 0;
    absl::Time create_time;
    EventTail tail;
    // A worker is thought to be at work on the present attempt; `child` if this manager started it.
    bool working = false;
    bool child = false;
    std::optional<WorkerExit> exit;
    // The outcome is being worked out, or an epoch published, without the lock.
    bool judging = false;
    // The newest one that is not in the session yet.
    std::optional<v1::JobEvent::EpochPublished> published_epoch;
    absl::Time cancel_time = absl::InfiniteFuture();
    // Not looked at before then, after an error of the store.
    absl::Time retry_time = absl::InfinitePast();
  };
  struct Listener {
    std::string name;
    std::function<bool()> on_change;
    bool pending = false;
  };

  JobDirectory DirectoryOf(std::string_view id) const;
  absl::Status RecoverEntry(const Row& row);
  absl::Status RemoveOrphans(const std::set<std::string>& known);
  absl::StatusOr<v1::Job> Accept(const std::string& id, const v1::CreateJobRequest& request);

  void Loop();
  // These hold mutex_ on entry and exit.
  void Look(const std::string& id, std::unique_lock<std::mutex>& lock);
  void Follow(Entry& entry);
  void PublishEpoch(const std::string& id, std::unique_lock<std::mutex>& lock);
  void Judge(const std::string& id, std::unique_lock<std::mutex>& lock);
  // Whether there may be another job to start.
  bool DispatchNext();
  absl::Status Dispatch(const std::string& id, Entry& entry);
  absl::Status Store(const std::string& id, Entry& entry, v1::Job job,
                     Transaction transaction = {});
  // Marks listeners of a job, and calls all that are marked.
  void Changed(std::string_view name);
  void CallListeners();

  const JobManagerOptions options_;
  Catalogue* const catalogue_;
  FileSystem* const files_;
  SessionRegistry* const sessions_;
  const ModelFactory factory_;
  const DatasetCatalogue datasets_;
  const OutcomeJudge judge_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Signalled when a job is no longer judged.
  std::condition_variable judged_;
  std::map<std::string, Entry, std::less<>> live_;  // by id
  // Ids whose directories are being written.
  std::set<std::string> accepting_;
  bool dispatching_ = false;
  bool ending_ = false;

  std::mutex listeners_mutex_;
  int64_t next_token_ = 1;
  std::map<int64_t, Listener> listeners_;

  // Last of the state: its callbacks use what is above.
  std::unique_ptr<Executor> executor_;
  std::thread thread_;
};

}  // namespace torpor
