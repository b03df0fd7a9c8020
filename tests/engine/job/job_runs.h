// Attempts of jobs in directories of their own, run in this process, for the tests of jobs.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/base/cancellation.h"
#include "engine/base/file_system.h"
#include "engine/data/catalogue.h"
#include "engine/families.h"
#include "engine/job/event_log.h"
#include "engine/job/job_directory.h"
#include "engine/job/run_job.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/scratch_directory.h"

namespace torpor {

// A base of fixtures beside testing::Test. Not thread-safe.
class JobRuns {
 protected:
  // A new job directory for `spec` in protobuf's text form, on the synthetic digits, with `model`
  // and, where given, the session's power mode.
  JobDirectory NewJobDirectory(const std::string& spec, const Model& model,
                               const std::optional<v1::PowerMode>& mode = std::nullopt) {
    const JobDirectory directory(scratch_.path() + "/" + std::to_string(++jobs_), posix_.get());
    v1::WorkOrder order;
    order.set_job("jobs/j");
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(spec, order.mutable_spec())) << spec;
    order.set_dataset_digest(*DatasetCatalogue({}, posix_.get()).Digest("synthetic-digits"));
    if (mode.has_value()) *order.mutable_power_mode() = *mode;
    EXPECT_TRUE(directory.Create(order, SerializeModel(model)).ok());
    return directory;
  }

  absl::StatusOr<v1::WorkResult> RunAttempt(const JobDirectory& directory, int attempt = 1) {
    return RunOn(posix_.get(), directory, attempt);
  }
  // The same on another file system.
  absl::StatusOr<v1::WorkResult> RunOn(FileSystem* files, const JobDirectory& directory,
                                       int attempt = 1) {
    Cancellation cancellation;
    return RunJob(directory.path(), attempt, files, BuildModel, &cancellation, options_);
  }

  // Runs an attempt that is interrupted when the `n`-th write to a path containing `part` is due.
  absl::Status RunInterrupted(const JobDirectory& directory, int attempt, const std::string& part,
                              int n) {
    Cancellation cancellation;
    int seen = 0;
    HookedFileSystem files(posix_.get(), [&](const std::string& path) {
      if (absl::StrContains(path, part) && ++seen == n) cancellation.Cancel();
      return absl::OkStatus();
    });
    return RunJob(directory.path(), attempt, &files, BuildModel, &cancellation, options_).status();
  }

  // Runs an attempt and writes the cancel file once it has told `events` events.
  struct Cancelled {
    absl::StatusOr<v1::WorkResult> result;
    absl::Duration delay;  // from the file to the end of the attempt
  };
  Cancelled RunCancelled(const JobDirectory& directory, size_t events) {
    Cancelled cancelled;
    absl::Time end;
    std::thread worker([&] {
      cancelled.result = RunAttempt(directory);
      end = absl::Now();
    });
    while (!posix_->Exists(directory.EventsPath(1)).value_or(false) ||
           Events(directory).size() < events) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    const absl::Time written = absl::Now();
    EXPECT_TRUE(posix_->WriteAtomically(directory.CancelPath(), "").ok());
    worker.join();
    cancelled.delay = end - written;
    return cancelled;
  }

  std::vector<v1::JobEvent> Events(const JobDirectory& directory, int attempt = 1) {
    return ParseEvents(*posix_->Read(directory.EventsPath(attempt))).events;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<FileSystem> posix_ = NewPosixFileSystem();
  // A progress event for every batch, a checkpoint for every epoch.
  RunJobOptions options_ = {0, absl::ZeroDuration(), absl::ZeroDuration()};

 private:
  int jobs_ = 0;
};

}  // namespace torpor
