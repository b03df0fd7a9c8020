#include "server/job/job_watch.h"

#include <set>

#include "engine/base/file_system.h"
#include "engine/job/event_log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_directory.h"

namespace torpor {
namespace {

using v1::JobState;

// One job whose state and logs the test writes.
class FakeSource : public JobSource {
 public:
  explicit FakeSource(std::string folder) : folder_(std::move(folder)) {
    job.set_name("jobs/j");
    job.set_state(JobState::QUEUED);
  }
  absl::StatusOr<v1::Job> Get(std::string_view) const override { return job; }
  std::string EventsPath(std::string_view, int attempt) const override {
    return folder_ + "/" + std::to_string(attempt);
  }
  void RemoveWatch(int64_t token) override { removed.insert(token); }
  void Set(JobState::Kind state, int attempt) {
    job.set_state(state);
    job.set_attempt(attempt);
  }

  v1::Job job;
  std::set<int64_t> removed;

 private:
  const std::string folder_;
};

class JobWatchTest : public testing::Test {
 protected:
  void Append(int attempt, const std::string& kind, int value = 0) {
    auto writer = EventLogWriter::Open(source_.EventsPath("", attempt), attempt, files_.get());
    ASSERT_TRUE(writer.ok()) << writer.status();
    v1::JobEvent event;
    if (kind == "started") event.mutable_started()->set_attempt(attempt);
    if (kind == "epoch") event.mutable_epoch_done()->set_epoch(value);
    if (kind == "progress") event.mutable_progress()->set_epoch(value);
    if (kind == "finished") event.mutable_finished()->set_state(JobState::SUCCEEDED);
    ASSERT_TRUE((*writer)->Append(event, false).ok());
  }
  // All messages that are there, in short: "QUEUED", "started 1", "epoch 3", "progress 2",
  // "finished".
  std::vector<std::string> Drain(JobWatch& watch) {
    std::vector<std::string> messages;
    while (true) {
      const auto next = watch.Next();
      EXPECT_TRUE(next.ok()) << next.status();
      if (!next.ok() || !next->has_value()) return messages;
      const v1::WatchJobResponse& message = **next;
      const v1::JobEvent& event = message.event();
      if (message.has_job()) messages.push_back(JobState::Kind_Name(message.job().state()));
      if (event.has_started())
        messages.push_back("started " + std::to_string(event.started().attempt()));
      if (event.has_epoch_done())
        messages.push_back("epoch " + std::to_string(event.epoch_done().epoch()));
      if (event.has_progress())
        messages.push_back("progress " + std::to_string(event.progress().epoch()));
      if (event.has_finished()) messages.push_back("finished");
      if (message.has_event()) last_sequence_ = event.sequence();
    }
  }

  ScratchDirectory scratch_;
  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
  FakeSource source_{scratch_.path()};
  int64_t last_sequence_ = 0;
};

TEST_F(JobWatchTest, TheJobThenItsEventsThenTheEndedJob) {
  JobWatch watch(&source_, "jobs/j", 0, 1);
  EXPECT_THAT(Drain(watch), testing::ElementsAre("QUEUED"));
  EXPECT_TRUE(Drain(watch).empty());
  source_.Set(JobState::RUNNING, 1);
  Append(1, "started");
  Append(1, "epoch", 1);
  EXPECT_THAT(Drain(watch), testing::ElementsAre("RUNNING", "started 1", "epoch 1"));
  Append(1, "finished");
  source_.Set(JobState::SUCCEEDED, 1);
  EXPECT_FALSE(watch.done());
  EXPECT_THAT(Drain(watch), testing::ElementsAre("finished", "SUCCEEDED"));
  EXPECT_TRUE(watch.done());
  EXPECT_TRUE(Drain(watch).empty());
}

TEST_F(JobWatchTest, AllAttemptsAreToldInOrder) {
  Append(1, "started");
  Append(1, "epoch", 1);
  JobWatch watch(&source_, "jobs/j", 0, 1);
  source_.Set(JobState::RUNNING, 1);
  Drain(watch);
  Append(1, "epoch", 2);
  Append(2, "started");
  source_.Set(JobState::RUNNING, 2);
  EXPECT_THAT(Drain(watch), testing::ElementsAre("epoch 2", "RUNNING", "started 2"));
}

TEST_F(JobWatchTest, AnEndedJobIsToldFromTheBeginning) {
  Append(1, "started");
  Append(3, "started");  // attempt 2 never wrote anything
  Append(3, "finished");
  source_.Set(JobState::SUCCEEDED, 3);
  JobWatch watch(&source_, "jobs/j", 0, 1);
  EXPECT_THAT(Drain(watch),
              testing::ElementsAre("SUCCEEDED", "started 1", "started 3", "finished", "SUCCEEDED"));
}

TEST_F(JobWatchTest, AWatcherThatReconnectsMissesNothingAndSeesNothingTwice) {
  source_.Set(JobState::RUNNING, 2);
  Append(1, "started");
  Append(2, "started");
  Append(2, "epoch", 1);
  {
    JobWatch watch(&source_, "jobs/j", 0, 1);
    Drain(watch);
  }
  EXPECT_EQ(source_.removed.count(1), 1u);
  Append(2, "epoch", 2);
  JobWatch watch(&source_, "jobs/j", last_sequence_, 2);
  EXPECT_THAT(Drain(watch), testing::ElementsAre("RUNNING", "epoch 2"));
}

TEST_F(JobWatchTest, OfOldProgressTheLatestIsEnoughAndNothingElseIsDropped) {
  source_.Set(JobState::RUNNING, 1);
  for (int i = 1; i <= 50; ++i) {
    Append(1, "progress", i);
    if (i % 10 == 0) Append(1, "epoch", i);
  }
  Append(1, "progress", 51);
  JobWatch watch(&source_, "jobs/j", 0, 1);
  EXPECT_THAT(Drain(watch), testing::ElementsAre("RUNNING", "epoch 10", "epoch 20", "epoch 30",
                                                 "epoch 40", "epoch 50", "progress 51"));
}

TEST_F(JobWatchTest, ATornRecordHoldsNeitherTheNextAttemptNorTheEndUp) {
  Append(1, "started");
  Append(1, "epoch", 1);
  std::string content = *files_->Read(source_.EventsPath("", 1));
  content.resize(content.size() - 3);
  ASSERT_TRUE(files_->WriteAtomically(source_.EventsPath("", 1), content).ok());
  Append(2, "started");
  source_.Set(JobState::FAILED, 2);
  JobWatch watch(&source_, "jobs/j", 0, 1);
  EXPECT_THAT(Drain(watch), testing::ElementsAre("FAILED", "started 1", "started 2", "FAILED"));
}

TEST_F(JobWatchTest, LongLogsAreReadInPieces) {
  source_.Set(JobState::RUNNING, 1);
  auto writer = EventLogWriter::Open(source_.EventsPath("", 1), 1, files_.get());
  v1::JobEvent event;
  (*event.mutable_epoch_done()->mutable_metrics())[std::string(900, 'x')] = 1;
  const int kEvents = 1500;  // about 1.4 MB
  for (int i = 0; i < kEvents; ++i) ASSERT_TRUE((*writer)->Append(event, false).ok());
  JobWatch watch(&source_, "jobs/j", 0, 1);
  EXPECT_EQ(Drain(watch).size(), kEvents + 1u);
}

}  // namespace
}  // namespace torpor
