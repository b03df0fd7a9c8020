#include "server/session/micro_batcher.h"

#include <cmath>
#include <future>
#include <limits>
#include <optional>
#include <thread>

#include "engine/base/status.h"
#include "gtest/gtest.h"
#include "tests/server/session/work_of.h"
#include "tests/support/fake_model.h"

namespace torpor {
namespace {

using testing::FakeBehaviour;
using testing::FakeDeployment;
using testing::TestWork;

constexpr int kFeatures = 4;

std::shared_ptr<const Served> ServedOf(double epsilon, int64_t generation,
                                       const FakeBehaviour* behaviour = nullptr) {
  auto served = std::make_shared<Served>();
  served->mode.set_epsilon(epsilon);
  served->generation = generation;
  served->deployment = std::make_shared<FakeDeployment>(served->mode, kFeatures, behaviour);
  served->full_power = kFeatures;
  return served;
}

// A batcher whose runs wait for Open while the gate is shut, so that a test decides what is queued
// together.
class MicroBatcherTest : public ::testing::Test {
 protected:
  void Make(int queue_samples, bool shut = false, ThreadPool* pool = nullptr) {
    if (shut) gate_.emplace(open_.get_future().share());
    behaviour_.on_run = [this] {
      if (gate_.has_value()) gate_->wait();
    };
    served_ = ServedOf(1, 1, &behaviour_);
    MicroBatcher::Options options;
    options.queue_samples = queue_samples;
    options.pool = pool;
    batcher_.emplace(
        options,
        [this] {
          ++batches_;
          const std::lock_guard lock(mutex_);
          return served_;
        },
        &meter_);
  }
  // Submits work that keeps the compute thread at the gate.
  void Occupy(TestWork& work) {
    ASSERT_TRUE(batcher_->Submit(&work).ok());
    while (batcher_->queued() > 0) std::this_thread::yield();
  }
  void Open() { open_.set_value(); }

  FakeBehaviour behaviour_;
  std::promise<void> open_;
  std::optional<std::shared_future<void>> gate_;
  std::mutex mutex_;
  std::shared_ptr<const Served> served_;
  std::atomic<int> batches_ = 0;
  PowerMeter meter_;
  std::optional<MicroBatcher> batcher_;
};

TEST_F(MicroBatcherTest, AnswersWithScoresPowerAndTiming) {
  Make(100);
  TestWork work(3, kFeatures, 0.5f);
  ASSERT_TRUE(batcher_->Submit(&work).ok());
  work.Wait();
  ASSERT_TRUE(work.status.ok()) << work.status;
  EXPECT_EQ(work.reply.generation(), 1);
  EXPECT_EQ(work.reply.classes_size(), 3);
  EXPECT_EQ(work.reply.classes(2), 0);
  EXPECT_FLOAT_EQ(work.score(0), 2.0f);
  EXPECT_FLOAT_EQ(work.score(1), -2.0f);
  EXPECT_DOUBLE_EQ(work.reply.synaptic_power(1), 1.0);
  EXPECT_DOUBLE_EQ(work.reply.nasp(), 0.25);
  EXPECT_EQ(work.reply.timing().batch_size(), 3);
  EXPECT_GE(work.reply.timing().queue_us(), 0);
  EXPECT_EQ(meter_.Read().samples(), 3);
  EXPECT_DOUBLE_EQ(meter_.Read().synaptic_power(), 3.0);
  EXPECT_DOUBLE_EQ(meter_.Read().nasp(), 0.25);
}

TEST_F(MicroBatcherTest, ReadsBytesAsFractions) {
  Make(100);
  TestWork work(1, kFeatures, 0);
  work.tensor().set_dtype(v1::DataType::UINT8);
  work.tensor().set_data(std::string("\xff\x00\xff\x00", 4));
  ASSERT_TRUE(batcher_->Submit(&work).ok());
  work.Wait();
  EXPECT_FLOAT_EQ(work.score(0), 2.0f);
}

TEST_F(MicroBatcherTest, BatchesWhatIsQueued) {
  Make(100, /*shut=*/true);
  TestWork first(1, kFeatures, 1), second(2, kFeatures, 1), third(3, kFeatures, 1);
  Occupy(first);
  ASSERT_TRUE(batcher_->Submit(&second).ok());
  ASSERT_TRUE(batcher_->Submit(&third).ok());
  EXPECT_EQ(batcher_->queued(), 5);
  Open();
  third.Wait();
  EXPECT_EQ(first.reply.timing().batch_size(), 1);
  EXPECT_EQ(second.reply.timing().batch_size(), 5);
  EXPECT_EQ(third.reply.timing().batch_size(), 5);
  EXPECT_EQ(batches_, 2);
}

TEST_F(MicroBatcherTest, RefusesWhatDoesNotFitAndSaysWhenToRetry) {
  Make(10, /*shut=*/true);
  TestWork first(1, kFeatures, 1), fits(8, kFeatures, 1), too_much(3, kFeatures, 1),
      exact(2, kFeatures, 1);
  Occupy(first);
  ASSERT_TRUE(batcher_->Submit(&fits).ok());
  const absl::Status status = batcher_->Submit(&too_much);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
  EXPECT_TRUE(status.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  EXPECT_TRUE(batcher_->Submit(&exact).ok());
  Open();
  exact.Wait();
  fits.Wait();
  EXPECT_TRUE(fits.status.ok());
  EXPECT_EQ(too_much.ends(), 0);
}

TEST_F(MicroBatcherTest, DropsExpiredAndCancelledWorkAtDequeue) {
  Make(100, /*shut=*/true);
  TestWork first(1, kFeatures, 1), late(1, kFeatures, 1), gone(1, kFeatures, 1),
      good(1, kFeatures, 1);
  const Cancellation past(absl::Now() - absl::Seconds(1));
  Cancellation cancelled;
  late.cancellation = &past;
  gone.cancellation = &cancelled;
  Occupy(first);
  for (TestWork* work : {&late, &gone, &good}) ASSERT_TRUE(batcher_->Submit(work).ok());
  cancelled.Cancel();
  Open();
  good.Wait();
  EXPECT_EQ(late.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(gone.status.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(good.status.ok());
  EXPECT_EQ(good.reply.timing().batch_size(), 1);
  EXPECT_EQ(meter_.Read().samples(), 2);
}

TEST_F(MicroBatcherTest, CancellationReachesARunningBatchBetweenBlocks) {
  // 4096 samples are 64 blocks of 10 ms: without a check between them this would take 640 ms.
  int runs = 0;
  Cancellation cancelled;
  Make(10000);
  behaviour_.on_run = [&] {
    if (++runs == 2) cancelled.Cancel();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  };
  TestWork work(4096, kFeatures, 1);
  work.cancellation = &cancelled;
  ASSERT_TRUE(batcher_->Submit(&work).ok());
  work.Wait();
  EXPECT_EQ(work.status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(runs, 2);
}

TEST_F(MicroBatcherTest, NotFiniteInputIsAnErrorOfItsItemAlone) {
  Make(100, /*shut=*/true);
  TestWork first(1, kFeatures, 1), nan(2, kFeatures, 1), inf(1, kFeatures, 1),
      good(2, kFeatures, 0.5f);
  std::vector<float> values(2 * kFeatures, 1);
  values[kFeatures + 2] = std::nanf("");
  nan.tensor().set_data(values.data(), values.size() * sizeof(float));
  values[0] = -std::numeric_limits<float>::infinity();
  inf.tensor().set_data(values.data(), kFeatures * sizeof(float));
  Occupy(first);
  for (TestWork* work : {&nan, &inf, &good}) ASSERT_TRUE(batcher_->Submit(work).ok());
  Open();
  good.Wait();
  EXPECT_EQ(nan.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(nan.status.message(), "input: must be finite; sample 1 has NaN at element 2");
  EXPECT_EQ(inf.status.message(), "input: must be finite; sample 0 has infinity at element 0");
  ASSERT_TRUE(good.status.ok());
  EXPECT_FLOAT_EQ(good.score(2), 2.0f);
}

TEST_F(MicroBatcherTest, PinnedGeneration) {
  Make(100);
  TestWork pinned(1, kFeatures, 1), gone(1, kFeatures, 1);
  pinned.require_generation = 1;
  gone.require_generation = 7;
  ASSERT_TRUE(batcher_->Submit(&pinned).ok());
  ASSERT_TRUE(batcher_->Submit(&gone).ok());
  pinned.Wait();
  gone.Wait();
  EXPECT_TRUE(pinned.status.ok());
  EXPECT_EQ(gone.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(gone.status), "GENERATION_GONE");
}

TEST_F(MicroBatcherTest, LargeWorkIsSplitOverThreadsWithTheSameAnswers) {
  ThreadPool pool(2);
  Make(10000, false, &pool);
  TestWork work(1000, kFeatures, 0.25f);
  ASSERT_TRUE(batcher_->Submit(&work).ok());
  work.Wait();
  ASSERT_TRUE(work.status.ok());
  for (int i = 0; i < 1000; ++i) EXPECT_FLOAT_EQ(work.score(2 * i), 1.0f);
  EXPECT_EQ(work.reply.timing().batch_size(), 1000);
}

TEST_F(MicroBatcherTest, DrainAnswersWhatIsQueuedAndRefusesTheRest) {
  Make(100, /*shut=*/true);
  TestWork first(1, kFeatures, 1), queued(1, kFeatures, 1), late(1, kFeatures, 1);
  Occupy(first);
  ASSERT_TRUE(batcher_->Submit(&queued).ok());
  std::thread drain([this] { batcher_->Drain(absl::UnavailableError("draining")); });
  Open();
  drain.join();
  EXPECT_EQ(first.ends(), 1);
  EXPECT_EQ(queued.ends(), 1);
  EXPECT_EQ(batcher_->Submit(&late), absl::UnavailableError("draining"));
}

TEST_F(MicroBatcherTest, NoReplyIsDroppedOrMixedWhileGenerationsSwitch) {
  constexpr int kStreams = 8;
  constexpr int kSwitches = 1000;
  ThreadPool pool(2);
  Make(100000, false, &pool);
  std::atomic<bool> stop = false;
  std::atomic<int64_t> answered = 0;
  std::vector<std::thread> streams;
  for (int s = 0; s < kStreams; ++s) {
    streams.emplace_back([&, s] {
      int64_t last = 0;
      while (!stop) {
        TestWork work(1 + s, kFeatures, 1);
        ASSERT_TRUE(batcher_->Submit(&work).ok());
        work.Wait();
        ASSERT_TRUE(work.status.ok());
        ASSERT_EQ(work.ends(), 1);
        const int64_t generation = work.reply.generation();
        ASSERT_GE(generation, last);
        last = generation;
        // The mode of generation g is 1 / g.
        for (int i = 0; i < work.samples; ++i) {
          ASSERT_FLOAT_EQ(work.score(2 * i),
                          static_cast<float>(kFeatures) * static_cast<float>(1.0 / generation));
        }
        ++answered;
      }
    });
  }
  for (int g = 2; g <= kSwitches + 1; ++g) {
    std::shared_ptr<const Served> next = ServedOf(1.0 / g, g);
    {
      const std::lock_guard lock(mutex_);
      served_ = next;
    }
    // What is submitted from now on is served by this generation or a later one.
    TestWork after(1, kFeatures, 1);
    ASSERT_TRUE(batcher_->Submit(&after).ok());
    after.Wait();
    ASSERT_GE(after.reply.generation(), g);
  }
  stop = true;
  for (std::thread& stream : streams) stream.join();
  EXPECT_GT(answered, kStreams);
}

}  // namespace
}  // namespace torpor
