#include "server/session/batch_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/truenorth/deployment.h"
#include "tests/server/session/work_of.h"
#include "tests/support/random_grids.h"

namespace torpor {
namespace {

using ::testing::Each;
using ::testing::SizeIs;
using testing::TestWork;

constexpr int kFeatures = 3;

// Writes down what it is given. Scores are the sample's first number, as it came, and its key.
class Scribe final : public Deployment {
 public:
  Scribe(bool reads_bytes, int block_samples)
      : reads_bytes_(reads_bytes), block_samples_(block_samples) {
    read_out_.classes = 2;
    footprint_.layers.push_back({.name = "scribe", .synapses = 1});
  }
  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return read_out_; }
  int features() const override { return kFeatures; }
  bool reads_bytes() const override { return reads_bytes_; }
  int block_samples() const override { return block_samples_; }
  const v1::PowerMode& mode() const override { return mode_; }
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation&) const override {
    calls.push_back(static_cast<int>(tasks.size()));
    for (size_t i = 0; i < tasks.size(); ++i) {
      const InputView& input = tasks[i].input;
      EXPECT_EQ(input.bytes.size() + input.values.size(), static_cast<size_t>(kFeatures));
      if (!input.bytes.empty()) bytes.push_back(input.bytes.data());
      results[i].scores[0] =
          input.bytes.empty() ? input.values[0] : static_cast<float>(input.bytes[0]);
      results[i].scores[1] = static_cast<float>(tasks[i].key.sample);
    }
    return absl::OkStatus();
  }
  double NominalSynapticPower(const Recorder&) const override { return 0; }

  // Samples of each Run; where the samples' bytes were. By one thread.
  mutable std::vector<int> calls;
  mutable std::vector<const uint8_t*> bytes;

 private:
  const bool reads_bytes_;
  const int block_samples_;
  v1::PowerMode mode_;
  ReadOut read_out_;
  Footprint footprint_;
};

std::shared_ptr<const Served> ServedOf(std::shared_ptr<const Deployment> deployment) {
  auto served = std::make_shared<Served>();
  served->deployment = std::move(deployment);
  served->generation = 1;
  return served;
}

// Makes the work's input bytes: first, first + 1, ...
void GiveBytes(TestWork& work, uint8_t first) {
  std::string data(work.tensor().data().size() / sizeof(float), 0);
  for (char& c : data) c = static_cast<char>(first++);
  work.tensor().set_dtype(v1::DataType::UINT8);
  work.tensor().set_data(data);
}

// Bytes and values in one batch, and between them work that is refused after its values were read.
void RunMixed(BatchRunner& runner, const std::shared_ptr<const Served>& served, double scale) {
  TestWork first(2, kFeatures, 0.5f), last(1, kFeatures, 0.25f), refused(2, kFeatures, NAN);
  TestWork bytes(3, kFeatures, 0), more(1, kFeatures, 0);
  GiveBytes(bytes, 7);
  GiveBytes(more, 200);
  uint64_t key = 10;
  for (TestWork* work : {&first, &bytes, &refused, &more, &last}) {
    work->sample_key = key;
    key += 10;
  }
  PowerMeter meter;
  runner.Run({&first, &bytes, &refused, &more, &last}, served, &meter);
  ASSERT_TRUE(first.status.ok() && bytes.status.ok() && more.status.ok() && last.status.ok());
  EXPECT_EQ(refused.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(first.score(0), 0.5f);
  EXPECT_EQ(first.score(3), 11);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FLOAT_EQ(bytes.score(2 * i), static_cast<float>((7 + i * kFeatures) * scale));
    EXPECT_EQ(bytes.score(2 * i + 1), static_cast<float>(20 + i));
  }
  EXPECT_FLOAT_EQ(more.score(0), static_cast<float>(200 * scale));
  EXPECT_EQ(last.score(0), 0.25f);
  EXPECT_EQ(last.score(1), 50);
}

TEST(BatchRunnerTest, BytesAreReadInPlaceByThoseThatReadBytes) {
  const auto scribe = std::make_shared<Scribe>(true, 64);
  BatchRunner runner(nullptr);
  TestWork work(2, kFeatures, 0);
  GiveBytes(work, 1);
  PowerMeter meter;
  runner.Run({&work}, ServedOf(scribe), &meter);
  ASSERT_TRUE(work.status.ok());
  const auto* data = reinterpret_cast<const uint8_t*>(work.tensor().data().data());
  EXPECT_EQ(scribe->bytes, (std::vector<const uint8_t*>{data, data + kFeatures}));
}

TEST(BatchRunnerTest, BytesBecomeFractionsForTheRest) {
  const auto scribe = std::make_shared<Scribe>(false, 64);
  BatchRunner runner(nullptr);
  RunMixed(runner, ServedOf(scribe), 1.0 / 255);
  EXPECT_TRUE(scribe->bytes.empty());
}

TEST(BatchRunnerTest, KindsMixInABatch) {
  const auto scribe = std::make_shared<Scribe>(true, 64);
  BatchRunner runner(nullptr);
  RunMixed(runner, ServedOf(scribe), 1);
  EXPECT_EQ(scribe->bytes.size(), 4u);
}

// A runner keeps its memory: a batch must not see the values of the one before.
TEST(BatchRunnerTest, OneBatchAfterAnother) {
  BatchRunner runner(nullptr);
  const auto values = ServedOf(std::make_shared<Scribe>(false, 2));
  const auto bytes = ServedOf(std::make_shared<Scribe>(true, 2));
  for (int i = 0; i < 3; ++i) {
    RunMixed(runner, values, 1.0 / 255);
    RunMixed(runner, bytes, 1);
  }
}

TEST(BatchRunnerTest, BlocksAreAsTheDeploymentWants) {
  const auto scribe = std::make_shared<Scribe>(true, 100);
  BatchRunner runner(nullptr);
  TestWork work(120, kFeatures, 1);
  TestWork more(85, kFeatures, 0);
  GiveBytes(more, 0);
  PowerMeter meter;
  runner.Run({&work, &more}, ServedOf(scribe), &meter);
  EXPECT_EQ(scribe->calls, (std::vector<int>{100, 100, 5}));
  EXPECT_EQ(more.score(2 * 84 + 1), 84);
  EXPECT_EQ(meter.Read().samples(), 205);
}

// The same samples as bytes and as values, through a real deployment: the same replies.
TEST(BatchRunnerTest, AGridOfCoresAnswersBytesAndValuesAlike) {
  const GridShape shape = SmallShape();
  TrueNorthDrive drive;
  drive.mode.set_steps(2);
  drive.mode.set_copies(1);
  drive.read_out.classes = shape.classes;
  const auto served =
      ServedOf(std::make_shared<TrueNorthDeployment>(std::vector{RandomGrid(shape, 1)}, drive));
  constexpr int kSamples = 300;
  TestWork bytes(kSamples, 784, 0), values(kSamples, 784, 0);
  GiveBytes(bytes, 0);
  std::vector<float> numbers;
  for (const char c : bytes.tensor().data()) {
    numbers.push_back(static_cast<float>(static_cast<uint8_t>(c)) / 255.0f);
  }
  values.tensor().set_data(numbers.data(), numbers.size() * sizeof(float));
  ThreadPool pool(2);
  BatchRunner runner(&pool);
  PowerMeter meter;
  runner.Run({&bytes}, served, &meter);
  runner.Run({&values}, served, &meter);
  ASSERT_TRUE(bytes.status.ok() && values.status.ok());
  for (v1::InferResponse* reply : {&bytes.reply, &values.reply}) reply->clear_timing();
  EXPECT_EQ(bytes.reply.SerializeAsString(), values.reply.SerializeAsString());
  EXPECT_EQ(bytes.reply.synaptic_power_size(), kSamples);
  EXPECT_THAT(bytes.reply.steps(), SizeIs(kSamples));
  EXPECT_THAT(bytes.reply.steps(), Each(2));
  EXPECT_GT(meter.Read().synaptic_power(), 0);
}

}  // namespace
}  // namespace torpor
