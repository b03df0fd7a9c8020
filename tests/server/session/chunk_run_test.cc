#include "server/session/chunk_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/families.h"
#include "server/session/batch_runner.h"
#include "server/session/micro_batcher.h"
#include "tests/server/session/work_of.h"
#include "tests/support/bad_fields.h"
#include "tests/support/lif_networks.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using testing::TestWork;

struct Sum final : StreamState {
  explicit Sum(int width) : width(width) {}
  int width;
  int so_far = 0;
};

// Adds up the indices of all spikes of a stream; its own spikes are those that came. Whatever it
// does draws 5.
class Adder final : public Deployment {
 public:
  explicit Adder(int inputs) : inputs_(inputs) { read_out_.classes = 2; }
  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return read_out_; }
  int features() const override { return inputs_; }
  const v1::PowerMode& mode() const override { return mode_; }
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation&) const override {
    for (size_t i = 0; i < tasks.size(); ++i) {
      results[i].scores[0] = tasks[i].input.values[0];
      results[i].activity.layers.resize(1);
      results[i].activity.layers[0].synaptic_power = 5;
    }
    return absl::OkStatus();
  }
  int stream_inputs() const override { return inputs_; }
  int sample_steps() const override { return 16; }
  std::unique_ptr<StreamState> NewStream() const override { return std::make_unique<Sum>(inputs_); }
  bool Continues(const StreamState& state) const override {
    return static_cast<const Sum&>(state).width == inputs_;
  }
  absl::Status RunChunk(const SpikeChunk& chunk, RunKey /*key*/, StreamState& state,
                        ChunkResult& result, const Cancellation&) const override {
    Sum& sum = static_cast<Sum&>(state);
    sum.so_far = std::accumulate(chunk.index.begin(), chunk.index.end(), sum.so_far);
    result.scores[0] = static_cast<float>(sum.so_far);
    result.step = {chunk.step.begin(), chunk.step.end()};
    result.index = {chunk.index.begin(), chunk.index.end()};
    result.activity.layers.resize(1);
    result.activity.layers[0].synaptic_power = 5;
    return absl::OkStatus();
  }
  double NominalSynapticPower(const Recorder&) const override { return 0; }

 private:
  const int inputs_;
  v1::PowerMode mode_;
  ReadOut read_out_;
  Footprint footprint_;
};

struct ChunkWork {
  ChunkWork(StreamMemory& stream, std::vector<int32_t> index) : work(1, 1, 0) {
    chunk.set_steps(4);
    for (const int32_t i : index) {
      chunk.add_step(2);
      chunk.add_index(i);
    }
    work.input = nullptr;
    work.chunk = &chunk;
    work.stream = &stream;
  }
  v1::SpikeTrain chunk;
  TestWork work;
};

std::shared_ptr<const Served> ServedOf(std::shared_ptr<const Deployment> deployment) {
  auto served = std::make_shared<Served>();
  served->deployment = std::move(deployment);
  served->generation = 1;
  return served;
}

TEST(ChunkRunTest, StreamsRememberAndDoNotSeeEachOther) {
  const auto served = ServedOf(std::make_shared<Adder>(8));
  BatchRunner runner(nullptr);
  PowerMeter meter;
  StreamMemory one, two;
  // Several chunks of a stream in one batch, tensors and another stream's between them.
  ChunkWork a(one, {1, 2}), b(two, {7}), c(one, {3, 5}), reset(one, {4});
  reset.work.reset = true;
  TestWork tensor(2, 8, 0.5f);
  runner.Run({&a.work, &tensor, &b.work, &c.work, &reset.work}, served, &meter);
  EXPECT_EQ(a.work.score(0), 3);
  EXPECT_EQ(b.work.score(0), 7);
  EXPECT_EQ(c.work.score(0), 11);
  EXPECT_EQ(reset.work.score(0), 4);
  EXPECT_EQ(tensor.score(0), 0.5f);
  EXPECT_EQ(tensor.score(2), 0.5f);
  EXPECT_FALSE(tensor.reply.has_spikes());
  EXPECT_EQ(c.work.reply.spikes().steps(), 4);
  EXPECT_THAT(c.work.reply.spikes().index(), ElementsAre(3, 5));
  EXPECT_THAT(c.work.reply.spikes().step(), ElementsAre(2, 2));
}

TEST(ChunkRunTest, WhatDoesNotFitANewModelIsLostAndSaidSo) {
  BatchRunner runner(nullptr);
  PowerMeter meter;
  StreamMemory stream;
  ChunkWork first(stream, {1, 2}), same(stream, {3}), other(stream, {1});
  runner.Run({&first.work}, ServedOf(std::make_shared<Adder>(8)), &meter);
  runner.Run({&same.work}, ServedOf(std::make_shared<Adder>(8)), &meter);
  EXPECT_EQ(same.work.score(0), 6);
  EXPECT_FALSE(same.work.state_lost);
  runner.Run({&other.work}, ServedOf(std::make_shared<Adder>(4)), &meter);
  EXPECT_EQ(other.work.score(0), 1);
  EXPECT_TRUE(other.work.state_lost);
}

// What is behind a refused chunk would be answered as though nothing were missing.
TEST(ChunkRunTest, BehindARefusedChunkNothingIsTakenUntilAReset) {
  const auto served = ServedOf(std::make_shared<Adder>(8));
  BatchRunner runner(nullptr);
  PowerMeter meter;
  StreamMemory stream, other;
  ChunkWork first(stream, {1, 2}), wrong(stream, {3, 8}), next(stream, {4}), stranger(other, {5});
  wrong.work.seq = 17;
  next.work.seq = 18;
  runner.Run({&first.work, &wrong.work, &next.work, &stranger.work}, served, &meter);
  EXPECT_EQ(first.work.score(0), 3);
  EXPECT_THAT(testing::FieldsOf(wrong.work.status), ElementsAre("chunk.index[1]"));
  EXPECT_EQ(next.work.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(stranger.work.score(0), 5);
  // In the next batch too, with the item that was refused first, before any other reason.
  ChunkWork retry(stream, {3}), pinned(stream, {3}), reset(stream, {6}), on(stream, {1});
  pinned.work.require_generation = 9;
  reset.work.reset = true;
  runner.Run({&retry.work, &pinned.work, &reset.work, &on.work}, served, &meter);
  for (const ChunkWork* refused : {&next, &retry, &pinned}) {
    EXPECT_EQ(refused->work.status, ChunkMissing(17));
  }
  EXPECT_THAT(std::string(retry.work.status.message()), ::testing::HasSubstr("item 17"));
  EXPECT_EQ(reset.work.score(0), 6);
  EXPECT_EQ(on.work.score(0), 7);
}

TEST(ChunkRunTest, ChunksThatNeverRanAreMissingToo) {
  const auto served = ServedOf(std::make_shared<Adder>(8));
  BatchRunner runner(nullptr);
  PowerMeter meter;
  StreamMemory pinned_stream, cancelled_stream;
  ChunkWork pinned(pinned_stream, {1}), next(pinned_stream, {2});
  pinned.work.require_generation = 9;
  ChunkWork cancelled(cancelled_stream, {1}), behind(cancelled_stream, {2});
  Cancellation gone;
  gone.Cancel();
  cancelled.work.cancellation = &gone;
  cancelled.work.seq = 4;
  // A reset that is refused leaves its own hole.
  ChunkWork again(pinned_stream, {1}), after(pinned_stream, {2});
  again.work.require_generation = 9;
  again.work.reset = true;
  again.work.seq = 30;
  runner.Run({&pinned.work, &cancelled.work, &next.work, &behind.work, &again.work, &after.work},
             served, &meter);
  EXPECT_EQ(cancelled.work.status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(next.work.status, ChunkMissing(0));
  EXPECT_EQ(behind.work.status, ChunkMissing(4));
  EXPECT_NE(again.work.status, ChunkMissing(0));
  EXPECT_EQ(after.work.status, ChunkMissing(30));
}

// Of 16 steps a sample, 10 power in the mean at full power; chunks have 4 steps and draw 5.
TEST(ChunkRunTest, AChunkCountsAsItsPartOfASample) {
  auto served = std::make_shared<Served>();
  served->deployment = std::make_shared<Adder>(8);
  served->generation = 1;
  served->full_power = 10;
  BatchRunner runner(nullptr);
  PowerMeter meter;
  StreamMemory stream;
  ChunkWork one(stream, {1}), two(stream, {2}), wrong(stream, {9}), missing(stream, {1});
  runner.Run({&one.work, &two.work, &wrong.work, &missing.work}, served, &meter);
  ASSERT_TRUE(one.work.status.ok());
  EXPECT_DOUBLE_EQ(one.work.reply.nasp(), 5 / (10 * 4.0 / 16));
  v1::Meter read = meter.Read();
  EXPECT_EQ(read.samples(), 0);
  EXPECT_EQ(read.chunk_steps(), 8);
  EXPECT_DOUBLE_EQ(read.synaptic_power(), 10);
  EXPECT_DOUBLE_EQ(read.nasp(), 2);
  // A sample beside them draws 5 too.
  TestWork tensor(3, 8, 0.5f);
  runner.Run({&tensor}, served, &meter);
  EXPECT_DOUBLE_EQ(tensor.reply.nasp(), 0.5);
  read = meter.Read();
  EXPECT_EQ(read.samples(), 3);
  EXPECT_EQ(read.chunk_steps(), 8);
  EXPECT_DOUBLE_EQ(read.nasp(), 25 / (10 * (3 + 0.5)));
}

// Several clients stream into one session whose mode changes under them. What a client is answered
// is what its chunks give one after another in the modes that they were served in.
TEST(ChunkRunTest, StreamsGoOnThroughSwitchesUnderThem) {
  TORPOR_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<Model> model,
      BuildModel(
          testing::LifNetworkOf("input { shape: [8] } read_out: SPIKES neuron { threshold: 0.3 } "
                                "layers { dense { units: 12 recurrent: true } initial_scale: 2 } "
                                "layers { dense { units: 2 } initial_scale: 2 }"),
          3));
  std::vector<std::shared_ptr<const Served>> modes;
  for (const double epsilon : {1.0, 0.5, 0.25}) {
    v1::PowerMode mode;
    mode.set_epsilon(epsilon);
    TORPOR_ASSERT_OK_AND_ASSIGN(auto deployment, model->Deploy(mode, {}));
    modes.push_back(ServedOf(std::move(deployment)));
  }
  std::atomic<size_t> now = 0;
  std::atomic<int> spikes = 0;
  ThreadPool pool(2);
  PowerMeter meter;
  MicroBatcher::Options options;
  options.pool = &pool;
  MicroBatcher batcher(
      options, [&] { return modes[now]; }, &meter);
  std::vector<std::thread> clients;
  for (int32_t c = 0; c < 3; ++c) {
    clients.emplace_back([&, c] {
      StreamMemory stream, replayed;
      for (int n = 0; n < 100; ++n) {
        ChunkWork one(stream, {c, c + 5});
        one.work.reset = n % 40 == 39;
        ASSERT_TRUE(batcher.Submit(&one.work).ok());
        one.work.Wait();
        ASSERT_TRUE(one.work.status.ok()) << one.work.status;
        ASSERT_FALSE(one.work.state_lost);
        ChunkWork again(replayed, {c, c + 5});
        again.work.reset = one.work.reset;
        std::vector<float> scores(2);
        SampleResult result;
        result.scores = scores;
        ASSERT_TRUE(RunChunk(*one.work.served->deployment, again.work, result).ok());
        EXPECT_EQ(scores, (std::vector<float>{one.work.score(0), one.work.score(1)}));
        EXPECT_THAT(one.work.reply.spikes().step(),
                    ::testing::ElementsAreArray(again.work.reply.spikes().step()));
        spikes += one.work.reply.spikes().step_size();
      }
    });
  }
  for (size_t n = 0; n < 300; ++n) {
    now = n % modes.size();
    std::this_thread::yield();
  }
  for (std::thread& client : clients) client.join();
  EXPECT_GT(spikes, 0);
}

TEST(ChunkRunTest, FamiliesWithoutStreamsSaySo) {
  StreamMemory stream;
  ChunkWork chunk(stream, {0});
  SampleResult result;
  const Adder none(0);
  EXPECT_THAT(testing::FieldsOf(RunChunk(none, chunk.work, result)), ElementsAre("chunk"));
}

}  // namespace
}  // namespace torpor
