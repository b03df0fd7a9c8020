// The manager's thread: follows workers, judges ended attempts, starts the next.
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/status.h"
#include "server/job/manager.h"
#include "server/job/state_machine.h"
#include "spdlog/spdlog.h"

namespace torpor {
namespace {

using v1::JobState;

constexpr absl::Duration kRetryInterval = absl::Seconds(1);

}  // namespace

void JobManager::Loop() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    std::vector<std::string> ids;
    for (const auto& [id, entry] : live_) ids.push_back(id);
    for (const std::string& id : ids) Look(id, lock);
    while (dispatching_ && DispatchNext()) {
    }
    lock.unlock();
    CallListeners();
    lock.lock();
    if (ending_) break;
    // A wait that is cut short by each call to Create or Cancel.
    wake_.wait_for(lock, absl::ToChronoMilliseconds(options_.poll_interval));
  }
}

void JobManager::Stop() {
  std::unique_lock lock(mutex_);
  dispatching_ = false;
  for (const auto& [id, entry] : live_) {
    if (entry.working) executor_->Interrupt(DirectoryOf(id).path());
  }
  const auto deadline =
      std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(options_.stop_patience);
  // The loop judges the interrupted attempts; judged_ tells of each.
  const bool quiet = judged_.wait_until(lock, deadline, [this] {
    for (const auto& [id, entry] : live_) {
      if (entry.working) return false;
    }
    return true;
  });
  if (!quiet) spdlog::warn("workers are still running; the next server will follow them");
  ending_ = true;
  lock.unlock();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void JobManager::Look(const std::string& id, std::unique_lock<std::mutex>& lock) {
  const auto found = live_.find(id);
  if (found == live_.end()) return;
  Entry& entry = found->second;
  if (!entry.working || absl::Now() < entry.retry_time) return;
  const std::string directory = DirectoryOf(id).path();
  // The worker first and its log second: once it has ended the log is complete.
  const bool ended = entry.child ? entry.exit.has_value() : !WorkerAlive(directory);
  Follow(entry);
  if (ended) {
    Judge(id, lock);
  } else if (entry.published_epoch.has_value()) {
    PublishEpoch(id, lock);
  } else if (absl::Now() - entry.cancel_time > options_.cancel_patience) {
    spdlog::warn("{}: its worker does not stop and is killed", entry.job.name());
    executor_->Kill(directory);
    entry.cancel_time = absl::Now();
  }
}

void JobManager::Follow(Entry& entry) {
  bool changed = false;
  while (true) {
    const std::vector<v1::JobEvent> events = entry.tail.Read();
    if (events.empty()) break;
    changed = true;
    for (const v1::JobEvent& event : events) {
      if (event.has_progress()) *entry.job.mutable_progress() = event.progress();
      if (event.has_epoch_published()) entry.published_epoch = event.epoch_published();
    }
  }
  if (changed) Changed(entry.job.name());
}

void JobManager::PublishEpoch(const std::string& id, std::unique_lock<std::mutex>& lock) {
  Entry& entry = live_.at(id);
  const v1::JobEvent::EpochPublished epoch = *entry.published_epoch;
  entry.published_epoch.reset();
  if (entry.job.state() == JobState::CANCELLING) return;
  entry.judging = true;
  const v1::Job job = entry.job;
  lock.unlock();
  const absl::Status status = judge_.PublishEpoch(job, DirectoryOf(id), epoch);
  lock.lock();
  entry.judging = false;
  // The job goes on: its end publishes what it made.
  if (!status.ok()) {
    spdlog::warn("{}: epoch {} is not served: {}", job.name(), epoch.epoch(), status.ToString());
  }
  judged_.notify_all();
}

void JobManager::Judge(const std::string& id, std::unique_lock<std::mutex>& lock) {
  Entry& entry = live_.at(id);
  entry.judging = true;
  const v1::Job before = entry.job;
  const std::optional<WorkerExit> exit = entry.exit;
  lock.unlock();
  // Publishing a model takes a while and calls into sessions: not with the lock. Nobody else
  // changes or removes the entry meanwhile (Cancel waits for judged_).
  const Outcome outcome = judge_.Judge(before, DirectoryOf(id), exit);
  lock.lock();
  entry.judging = false;

  v1::Job job = entry.job;
  absl::Status status = Transition(job, outcome.state, outcome.reason);
  if (status.ok()) {
    if (!outcome.error.ok()) *job.mutable_error() = ToProto(outcome.error);
    job.set_model(outcome.model);
    if (outcome.result.has_value()) {
      *job.mutable_metrics() = outcome.result->metrics();
      if (outcome.result->has_training_energy()) {
        *job.mutable_training_energy() = outcome.result->training_energy();
      }
      *job.mutable_rows() = outcome.result->rows();
      *job.mutable_arms() = outcome.result->arms();
      job.set_limits_verdict(outcome.result->limits_verdict());
      *job.mutable_provenance() = outcome.result->provenance();
      if (outcome.result->has_found_mode()) {
        *job.mutable_found_mode() = outcome.result->found_mode();
      }
    }
    if (outcome.state == JobState::SUCCEEDED) {
      job.mutable_progress()->set_fraction(1);
      job.mutable_progress()->clear_eta();
    }
    status = Store(id, entry, std::move(job));
  }
  if (status.ok()) {
    entry.working = false;
    entry.exit.reset();
    if (IsEnded(outcome.state)) live_.erase(id);
  } else {
    spdlog::error("{}: cannot store its outcome: {}", before.name(), status.ToString());
    entry.retry_time = absl::Now() + kRetryInterval;
  }
  judged_.notify_all();
}

bool JobManager::DispatchNext() {
  int running = 0;
  auto next = live_.end();
  for (auto it = live_.begin(); it != live_.end(); ++it) {
    Entry& entry = it->second;
    if (entry.working) ++running;
    if (entry.job.state() != JobState::QUEUED || absl::Now() < entry.retry_time) continue;
    // The oldest first; ids break ties.
    if (next == live_.end() || entry.create_time < next->second.create_time) next = it;
  }
  if (next == live_.end() || running >= options_.slots) return false;
  const absl::Status status = Dispatch(next->first, next->second);
  if (!status.ok()) {
    spdlog::error("{}: cannot be started: {}", next->second.job.name(), status.ToString());
    next->second.retry_time = absl::Now() + kRetryInterval;
    return true;
  }
  if (IsEnded(next->second.job.state())) live_.erase(next);
  return true;
}

absl::Status JobManager::Dispatch(const std::string& id, Entry& entry) {
  const JobDirectory directory = DirectoryOf(id);
  const int attempt = entry.job.attempt() + 1;
  // The folder tells a worker of an earlier attempt, should one be left, that it was given up.
  TORPOR_RETURN_IF_ERROR(files_->CreateDirectories(directory.AttemptPath(attempt)));
  v1::Job job = entry.job;
  TORPOR_RETURN_IF_ERROR(Transition(job, JobState::RUNNING, "DISPATCHED"));
  job.set_attempt(attempt);
  TORPOR_RETURN_IF_ERROR(Store(id, entry, std::move(job)));
  entry.tail = EventTail(directory.EventsPath(attempt));
  entry.published_epoch.reset();
  entry.working = true;
  entry.child = true;
  entry.exit.reset();
  const absl::Status started =
      executor_->Start({directory.path(), attempt}, [this, id, attempt](const WorkerExit& exit) {
        std::lock_guard lock(mutex_);
        const auto found = live_.find(id);
        if (found == live_.end() || found->second.job.attempt() != attempt) return;
        found->second.exit = exit;
        wake_.notify_all();
      });
  if (started.ok()) return started;
  entry.working = false;
  job = entry.job;
  TORPOR_RETURN_IF_ERROR(Transition(job, JobState::FAILED, ReasonOf(started)));
  *job.mutable_error() = ToProto(started);
  return Store(id, entry, std::move(job));
}

absl::Status JobManager::Store(const std::string& id, Entry& entry, v1::Job job,
                               Transaction transaction) {
  transaction.writes.push_back(
      {Write::Kind::kUpdate, "jobs", id, job.SerializeAsString(), entry.version});
  TORPOR_ASSIGN_OR_RETURN(std::vector<Row> rows, catalogue_->Commit(std::move(transaction)));
  entry.version = rows.at(0).version;
  job.set_etag(EtagOf(entry.version));
  spdlog::info("{} attempt {}: {} {}", job.name(), job.attempt(), JobState::Kind_Name(job.state()),
               job.reason());
  entry.job = std::move(job);
  Changed(entry.job.name());
  return absl::OkStatus();
}

void JobManager::Changed(std::string_view name) {
  std::lock_guard lock(listeners_mutex_);
  for (auto& [token, listener] : listeners_) {
    if (listener.name == name) listener.pending = true;
  }
}

void JobManager::CallListeners() {
  std::lock_guard lock(listeners_mutex_);
  for (auto& [token, listener] : listeners_) {
    if (listener.pending && listener.on_change()) listener.pending = false;
  }
}

}  // namespace torpor
