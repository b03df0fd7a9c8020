#include "server/job/manager.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/status.h"
#include "engine/job/event_log.h"
#include "google/protobuf/util/time_util.h"
#include "server/job/local_executor.h"
#include "server/job/spec_check.h"
#include "server/job/state_machine.h"
#include "server/store/names.h"
#include "server/store/page.h"
#include "server/store/request_tag.h"
#include "spdlog/spdlog.h"

namespace torpor {
namespace {

using v1::JobState;

constexpr char kCollection[] = "jobs";
constexpr int kScanRows = 200;

// The job of a row, with the fields that the row knows better.
absl::StatusOr<v1::Job> JobOf(const Row& row) {
  v1::Job job;
  if (!job.ParseFromString(row.value)) {
    return absl::DataLossError(absl::StrCat("jobs/", row.id, " is stored damaged"));
  }
  job.set_name(NameOf(kCollection, row.id));
  job.set_uid(row.uid);
  *job.mutable_create_time() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(row.create_time));
  job.set_etag(EtagOf(row.version));
  return job;
}

// Serialised reply of a remembered call whose transaction wrote one job.
std::string ReplyOf(const std::vector<Row>& rows) {
  const absl::StatusOr<v1::Job> job = JobOf(rows.at(0));
  return job.ok() ? job->SerializeAsString() : "";
}

absl::StatusOr<std::optional<v1::Job>> FindRepeatedJob(Catalogue* catalogue,
                                                       const RequestTag& tag) {
  TORPOR_ASSIGN_OR_RETURN(std::optional<std::string> reply, FindRepeat(catalogue, tag));
  if (!reply.has_value()) return std::optional<v1::Job>();
  v1::Job job;
  if (!job.ParseFromString(*reply)) return absl::DataLossError("a remembered reply is damaged");
  return std::optional<v1::Job>(std::move(job));
}

}  // namespace

JobManager::JobManager(JobManagerOptions options, Catalogue* catalogue, FileSystem* files,
                       SessionRegistry* sessions, ModelStore* models, ModelFactory factory,
                       std::unique_ptr<Executor> executor)
    : options_(std::move(options)),
      catalogue_(catalogue),
      files_(files),
      sessions_(sessions),
      factory_(factory),
      datasets_(options_.dataset_path, files),
      judge_(files, sessions, models),
      executor_(std::move(executor)) {
  if (executor_ == nullptr) {
    LocalExecutorOptions local;
    local.worker = options_.worker;
    local.arguments = options_.worker_arguments;
    executor_ = std::make_unique<LocalExecutor>(std::move(local));
  }
}

JobManager::~JobManager() {
  {
    std::lock_guard lock(mutex_);
    dispatching_ = false;
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  executor_.reset();
}

JobDirectory JobManager::DirectoryOf(std::string_view id) const {
  return JobDirectory(absl::StrCat(options_.jobs_directory, "/", std::string(id)), files_);
}

std::string JobManager::EventsPath(std::string_view name, int attempt) const {
  const absl::StatusOr<std::string> id = IdOf(kCollection, name, "name");
  return id.ok() ? DirectoryOf(*id).EventsPath(attempt) : "";
}

absl::Status JobManager::Start() {
  TORPOR_RETURN_IF_ERROR(files_->CreateDirectories(options_.jobs_directory));
  std::set<std::string> known;
  std::string after;
  while (true) {
    TORPOR_ASSIGN_OR_RETURN(std::vector<Row> rows,
                            catalogue_->List(kCollection, after, kScanRows, false));
    for (const Row& row : rows) {
      known.insert(row.id);
      TORPOR_RETURN_IF_ERROR(RecoverEntry(row));
    }
    if (rows.size() < kScanRows) break;
    after = rows.back().id;
  }
  TORPOR_RETURN_IF_ERROR(RemoveOrphans(known));
  dispatching_ = true;
  thread_ = std::thread([this] { Loop(); });
  return absl::OkStatus();
}

absl::Status JobManager::RecoverEntry(const Row& row) {
  TORPOR_ASSIGN_OR_RETURN(v1::Job job, JobOf(row));
  if (IsEnded(job.state())) return absl::OkStatus();
  Entry entry;
  entry.version = row.version;
  entry.create_time = row.create_time;
  if (job.state() != JobState::QUEUED) {
    const JobDirectory directory = DirectoryOf(row.id);
    // Its worker runs on, or has ended while no server was there: the loop finds out which.
    entry.working = true;
    entry.tail = EventTail(directory.EventsPath(job.attempt()));
    if (job.state() == JobState::CANCELLING) {
      entry.cancel_time = absl::Now();
      TORPOR_RETURN_IF_ERROR(files_->WriteAtomically(directory.CancelPath(), ""));
    }
    spdlog::info("{} attempt {}: found again as {}", job.name(), job.attempt(),
                 JobState::Kind_Name(job.state()));
  }
  entry.job = std::move(job);
  live_.emplace(row.id, std::move(entry));
  return absl::OkStatus();
}

absl::Status JobManager::RemoveOrphans(const std::set<std::string>& known) {
  // Directories of jobs that were never acknowledged.
  TORPOR_ASSIGN_OR_RETURN(std::vector<std::string> names, files_->List(options_.jobs_directory));
  for (const std::string& name : names) {
    if (known.count(name) == 0) TORPOR_RETURN_IF_ERROR(files_->Remove(DirectoryOf(name).path()));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Job> JobManager::Create(const v1::CreateJobRequest& request) {
  const RequestTag tag = TagOf("CreateJob", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(std::optional<v1::Job> repeat, FindRepeatedJob(catalogue_, tag));
  if (repeat.has_value()) return *std::move(repeat);
  if (!request.job_id().empty()) TORPOR_RETURN_IF_ERROR(CheckId("job_id", request.job_id()));
  TORPOR_RETURN_IF_ERROR(CheckBounds(request.spec()));

  const std::string id = request.job_id().empty() ? RandomId("job") : request.job_id();
  {
    // The directory must not be touched by two calls, nor that of a job that is there already.
    std::lock_guard lock(mutex_);
    if (catalogue_->Get(kCollection, id).ok() || !accepting_.insert(id).second) {
      return WithReason(absl::AlreadyExistsError(absl::StrCat("jobs/", id, " exists already")),
                        "ALREADY_EXISTS");
    }
  }
  absl::StatusOr<v1::Job> job = Accept(id, request);
  {
    std::lock_guard lock(mutex_);
    accepting_.erase(id);
  }
  wake_.notify_all();
  return job;
}

absl::StatusOr<v1::Job> JobManager::Accept(const std::string& id,
                                           const v1::CreateJobRequest& request) {
  v1::WorkOrder order;
  order.set_job(NameOf(kCollection, id));
  *order.mutable_spec() = request.spec();
  FillDefaults(*order.mutable_spec());
  const std::string dataset = DatasetOf(order.spec());
  TORPOR_RETURN_IF_ERROR(IdOf("sessions", order.spec().session(), "spec.session").status());
  TORPOR_ASSIGN_OR_RETURN(SessionSnapshot session, sessions_->Snapshot(order.spec().session()));
  TORPOR_ASSIGN_OR_RETURN(v1::Dataset found, datasets_.Get(dataset));
  // "mnist" is stored as "datasets/mnist".
  SetDataset(*order.mutable_spec(), found.name());
  TORPOR_RETURN_IF_ERROR(FitToSession(*order.mutable_spec(), session, found, factory_));
  TORPOR_ASSIGN_OR_RETURN(*order.mutable_dataset_digest(), datasets_.Digest(dataset));
  *order.mutable_power_mode() = session.mode;
  *order.mutable_realisation() = session.realisation;
  for (const std::string& folder : options_.dataset_path) order.add_dataset_path(folder);

  v1::Job job;
  *job.mutable_labels() = request.labels();
  *job.mutable_spec() = order.spec();
  job.set_state(JobState::QUEUED);
  job.set_reason("WAITING_FOR_SLOT");
  Transaction transaction;
  transaction.writes.push_back({Write::Kind::kInsert, kCollection, id, job.SerializeAsString()});
  Remember(TagOf("CreateJob", request.request_id(), request), transaction);
  transaction.make_reply = ReplyOf;

  const JobDirectory directory = DirectoryOf(id);
  absl::Status status = directory.Create(order, session.archive);
  if (status.ok()) {
    std::lock_guard lock(mutex_);
    absl::StatusOr<std::vector<Row>> rows = catalogue_->Commit(std::move(transaction));
    if (rows.ok()) {
      Entry entry;
      entry.version = rows->at(0).version;
      entry.create_time = rows->at(0).create_time;
      TORPOR_ASSIGN_OR_RETURN(entry.job, JobOf(rows->at(0)));
      v1::Job reply = entry.job;
      live_.emplace(id, std::move(entry));
      return reply;
    }
    status = rows.status();
  }
  files_->Remove(directory.path()).IgnoreError();
  return status;
}

absl::StatusOr<v1::Job> JobManager::Get(std::string_view name) const {
  TORPOR_ASSIGN_OR_RETURN(std::string id, IdOf(kCollection, name, "name"));
  {
    std::lock_guard lock(mutex_);
    if (const auto found = live_.find(id); found != live_.end()) return found->second.job;
  }
  absl::StatusOr<Row> row = catalogue_->Get(kCollection, id);
  if (absl::IsNotFound(row.status())) return NotFound("job", name);
  TORPOR_RETURN_IF_ERROR(row.status());
  return JobOf(*row);
}

absl::StatusOr<v1::ListJobsResponse> JobManager::List(const v1::ListJobsRequest& request) const {
  const std::string filter = absl::StrCat("jobs session=", request.session());
  TORPOR_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  TORPOR_ASSIGN_OR_RETURN(std::string after, PageKey(filter, request.page_token()));
  v1::ListJobsResponse response;
  while (true) {
    TORPOR_ASSIGN_OR_RETURN(std::vector<Row> rows,
                            catalogue_->List(kCollection, after, kScanRows, true));
    for (const Row& row : rows) {
      TORPOR_ASSIGN_OR_RETURN(v1::Job job, JobOf(row));
      if (!request.session().empty() && job.spec().session() != request.session()) continue;
      if (response.jobs_size() == page_size) {
        // There is at least one more.
        TORPOR_ASSIGN_OR_RETURN(
            std::string last,
            IdOf(kCollection, response.jobs(response.jobs_size() - 1).name(), "name"));
        response.set_next_page_token(PageToken(filter, last));
        return response;
      }
      std::lock_guard lock(mutex_);
      const auto live = live_.find(row.id);
      *response.add_jobs() = live != live_.end() ? live->second.job : std::move(job);
    }
    if (rows.size() < kScanRows) return response;
    after = rows.back().id;
  }
}

absl::StatusOr<v1::Job> JobManager::Cancel(const v1::CancelJobRequest& request) {
  const RequestTag tag = TagOf("CancelJob", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(std::optional<v1::Job> repeat, FindRepeatedJob(catalogue_, tag));
  if (repeat.has_value()) return *std::move(repeat);
  TORPOR_ASSIGN_OR_RETURN(std::string id, IdOf(kCollection, request.name(), "name"));
  TORPOR_ASSIGN_OR_RETURN(const int64_t wanted, VersionOf(request.etag()));

  std::unique_lock lock(mutex_);
  // An attempt that is being published is as good as ended.
  judged_.wait(lock, [&] {
    const auto found = live_.find(id);
    return found == live_.end() || !found->second.judging;
  });
  const auto found = live_.find(id);
  if (found == live_.end()) {
    lock.unlock();
    TORPOR_ASSIGN_OR_RETURN(v1::Job job, Get(request.name()));
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(job.name(), " has ended already: it is ",
                                                   JobState::Kind_Name(job.state()))),
        "JOB_ENDED", {{"state", JobState::Kind_Name(job.state())}});
  }
  Entry& entry = found->second;
  if (wanted != 0 && wanted != entry.version) {
    return WithReason(
        absl::AbortedError(absl::StrCat(request.name(), " has etag ", EtagOf(entry.version),
                                        ", not ", request.etag())),
        "ETAG_MISMATCH");
  }
  v1::Job job = entry.job;
  if (job.state() == JobState::CANCELLING) return job;
  const bool waiting = job.state() == JobState::QUEUED;
  TORPOR_RETURN_IF_ERROR(
      Transition(job, waiting ? JobState::CANCELLED : JobState::CANCELLING, "USER"));
  Transaction transaction;
  Remember(tag, transaction);
  transaction.make_reply = ReplyOf;
  TORPOR_RETURN_IF_ERROR(Store(id, entry, std::move(job), std::move(transaction)));
  job = entry.job;
  if (waiting) {
    live_.erase(found);
  } else {
    entry.cancel_time = absl::Now();
    if (!files_->WriteAtomically(DirectoryOf(id).CancelPath(), "").ok()) {
      // No room for the file: an interruption stops the worker as well.
      executor_->Interrupt(DirectoryOf(id).path());
    }
  }
  lock.unlock();
  wake_.notify_all();
  return job;
}

absl::StatusOr<std::unique_ptr<JobWatch>> JobManager::Watch(const v1::WatchJobRequest& request,
                                                            std::function<bool()> on_change) {
  if (request.from_sequence() < 0) {
    return FieldError("from_sequence",
                      absl::StrCat("must not be negative, got ", request.from_sequence()));
  }
  TORPOR_ASSIGN_OR_RETURN(v1::Job job, Get(request.name()));
  std::lock_guard lock(listeners_mutex_);
  const int64_t token = next_token_++;
  listeners_[token] = {job.name(), std::move(on_change), false};
  return std::make_unique<JobWatch>(this, job.name(), request.from_sequence(), token);
}

void JobManager::RemoveWatch(int64_t token) {
  std::lock_guard lock(listeners_mutex_);
  listeners_.erase(token);
}

}  // namespace torpor
