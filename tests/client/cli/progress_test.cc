#include "client/cli/progress.h"

#include <sstream>

#include "client/cli/output.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Job RunningJob() {
  v1::Job job;
  job.set_name("jobs/j1");
  job.mutable_spec()->mutable_train();
  job.set_state(v1::JobState::RUNNING);
  job.set_attempt(1);
  job.mutable_progress()->set_fraction(0.4);
  job.mutable_progress()->set_epoch(2);
  job.mutable_progress()->set_epochs(5);
  job.mutable_progress()->mutable_eta()->set_seconds(125);
  (*job.mutable_progress()->mutable_metrics())["train_accuracy"] = 0.961;
  return job;
}

v1::JobEvent EpochDone(int epoch, int64_t sequence) {
  v1::JobEvent event;
  event.set_sequence(sequence);
  event.mutable_epoch_done()->set_epoch(epoch);
  (*event.mutable_epoch_done()->mutable_metrics())["train_loss"] = 0.25;
  event.mutable_epoch_done()->mutable_elapsed()->set_nanos(900000000);
  return event;
}

class JobProgressTest : public testing::Test {
 protected:
  std::istringstream in_;
  std::ostringstream out_, err_;
  Context context_{in_, out_, err_};
};

TEST_F(JobProgressTest, LineOfARunningJob) {
  EXPECT_EQ(ProgressLine(RunningJob()),
            "j1 train  epoch 2/5  ▇▇▇▇▇▇▇▇▁▁▁▁▁▁▁▁▁▁▁▁  40 %  acc 96.10 %  eta 2 min 05 s");
}

TEST_F(JobProgressTest, LineOfATuningJobCountsSettings) {
  v1::Job job = RunningJob();
  job.mutable_spec()->mutable_tune();
  (*job.mutable_progress()->mutable_metrics())["epsilon"] = 0.2;
  EXPECT_THAT(ProgressLine(job), HasSubstr("j1 tune  epsilon 0.2 (2/5)  ▇"));
}

TEST_F(JobProgressTest, LineOfAWaitingJobNamesTheReason) {
  v1::Job job = RunningJob();
  job.set_state(v1::JobState::QUEUED);
  job.set_reason("WAITING_FOR_SLOT");
  EXPECT_EQ(ProgressLine(job), "j1 train  queued (WAITING_FOR_SLOT)");
}

TEST_F(JobProgressTest, TerminalHasOneMovingLine) {
  {
    JobProgress progress(context_, ProgressStyle::kBar);
    progress.OnJob(RunningJob());
    progress.OnEvent(EpochDone(2, 7));
    progress.OnJob(RunningJob());
  }
  // The epoch stays on a line of its own; the moving line is wiped at the end.
  EXPECT_THAT(err_.str(), HasSubstr("\r\x1b[Kj1 train  epoch 2/5  loss 0.25  0.9 s\n"));
  EXPECT_TRUE(err_.str().ends_with("\r\x1b[K"));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(JobProgressTest, PipedHasPlainLines) {
  {
    JobProgress progress(context_, ProgressStyle::kLines);
    progress.OnJob(RunningJob());
    progress.OnEvent(EpochDone(3, 8));
    // Within ten seconds of the last line: left out.
    v1::JobEvent event;
    *event.mutable_progress() = RunningJob().progress();
    progress.OnEvent(event);
  }
  EXPECT_THAT(err_.str(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(err_.str(), Not(HasSubstr("\r")));
  EXPECT_TRUE(err_.str().ends_with("j1 train  epoch 3/5  loss 0.25  0.9 s\n")) << err_.str();
}

TEST_F(JobProgressTest, ProgramsGetOneJsonLineAnEvent) {
  v1::Job ended = RunningJob();
  ended.set_state(v1::JobState::SUCCEEDED);
  (*ended.mutable_metrics())["test_accuracy"] = 0.98;
  {
    JobProgress progress(context_, ProgressStyle::kJson);
    progress.OnJob(RunningJob());
    progress.OnEvent(EpochDone(2, 7));
    progress.OnJob(ended);
  }
  std::istringstream lines(out_.str());
  std::vector<Json> json;
  for (std::string line; std::getline(lines, line);) json.push_back(Json::parse(line));
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json[0]["state"], "running");
  EXPECT_EQ(json[1]["job"], "jobs/j1");
  EXPECT_EQ(json[1]["sequence"], 7);
  EXPECT_EQ(json[1]["epoch_done"]["elapsed_seconds"], 0.9);
  EXPECT_EQ(json[2]["state"], "succeeded");
  EXPECT_EQ(json[2]["metrics"]["test_accuracy"], 0.98);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(JobProgressTest, StyleFollowsTheTerminal) {
  EXPECT_EQ(ChooseProgressStyle(context_, true), ProgressStyle::kLines);
  EXPECT_EQ(ChooseProgressStyle(context_, false), ProgressStyle::kSilent);
  context_.err_is_terminal = true;
  EXPECT_EQ(ChooseProgressStyle(context_, false), ProgressStyle::kBar);
  context_.options.no_color = true;
  EXPECT_EQ(ChooseProgressStyle(context_, true), ProgressStyle::kLines);
  context_.options.format = Format::kJson;
  EXPECT_EQ(ChooseProgressStyle(context_, true), ProgressStyle::kJson);
  context_.options.quiet = true;
  EXPECT_EQ(ChooseProgressStyle(context_, false), ProgressStyle::kSilent);
}

}  // namespace
}  // namespace torpor::cli
