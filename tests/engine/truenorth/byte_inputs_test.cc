// Inputs as bytes, and how many of them a call should have.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/truenorth/deployment.h"
#include "tests/support/random_grids.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

// Which samples of a call are given as bytes.
enum class Given { kValues, kBytes, kByTurns };

struct Outcome {
  std::vector<float> scores;
  std::vector<SampleResult> results;
  Recorder recorder;
};

// Random bytes, and the values that they stand for.
struct Images {
  Images(size_t count, size_t features) : bytes(count), values(count) {
    RandomStream random(9, RandomPurpose::kTest);
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < features; ++j) {
        bytes[i].push_back(static_cast<uint8_t>(random.NextBelow(256)));
        values[i].push_back(static_cast<float>(bytes[i].back()) / 255.0f);
      }
    }
  }
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<std::vector<float>> values;
};

Outcome RunOn(const Deployment& deployment, const Images& images, Given given) {
  const size_t n = images.bytes.size();
  const size_t classes = static_cast<size_t>(deployment.read_out().classes);
  Outcome outcome{.scores = std::vector<float>(n * classes),
                  .results = std::vector<SampleResult>(n),
                  .recorder = {}};
  std::vector<SampleTask> tasks(n);
  for (size_t i = 0; i < n; ++i) {
    if (given == Given::kBytes || (given == Given::kByTurns && i % 3 != 1)) {
      tasks[i].input.bytes = images.bytes[i];
    } else {
      tasks[i].input.values = images.values[i];
    }
    tasks[i].key.sample = i;
    outcome.results[i].scores = {outcome.scores.data() + i * classes, classes};
    outcome.results[i].recorder = &outcome.recorder;
  }
  EXPECT_THAT(deployment.Run(tasks, outcome.results, Cancellation()), IsOk());
  return outcome;
}

void ExpectSame(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.scores, b.scores);
  EXPECT_EQ(a.recorder.squared_inputs, b.recorder.squared_inputs);
  ASSERT_EQ(a.results.size(), b.results.size());
  for (size_t i = 0; i < a.results.size(); ++i) {
    EXPECT_EQ(a.results[i].steps_used, b.results[i].steps_used);
    ASSERT_EQ(a.results[i].activity.layers.size(), b.results[i].activity.layers.size());
    for (size_t l = 0; l < a.results[i].activity.layers.size(); ++l) {
      ForEachQuantity([&](const char* name, Quantity LayerActivity::*quantity) {
        EXPECT_EQ((a.results[i].activity.layers[l].*quantity).value(),
                  (b.results[i].activity.layers[l].*quantity).value())
            << name << " of sample " << i;
      });
    }
  }
}

TrueNorthDrive Drive(const GridShape& shape, int ticks, int copies = 1) {
  TrueNorthDrive drive;
  drive.mode.set_steps(ticks);
  drive.mode.set_copies(copies);
  drive.read_out.classes = shape.classes;
  drive.seed = 3;
  return drive;
}

// By single ticks and by lanes, with and without an early stop, beyond the end of a block.
TEST(ByteInputsTest, GiveTheSameBitsAsTheirValues) {
  for (const v1::RateCode::Kind code :
       {v1::RateCode::EVEN, v1::RateCode::THERMOMETER, v1::RateCode::BERNOULLI}) {
    GridShape shape = SmallShape();
    shape.code = code;
    const std::vector<BinaryGrid> grids = {RandomGrid(shape, 1)};
    for (const int ticks : {1, 5}) {
      for (const bool stops : {false, true}) {
        TrueNorthDrive drive = Drive(shape, ticks);
        if (stops) drive.mode.set_margin(3);
        const TrueNorthDeployment deployment(grids, drive);
        ASSERT_TRUE(deployment.reads_bytes());
        for (const size_t samples : {1, 2, 530}) {
          SCOPED_TRACE(samples);
          const Images images(samples, 784);
          const Outcome values = RunOn(deployment, images, Given::kValues);
          ExpectSame(RunOn(deployment, images, Given::kBytes), values);
          ExpectSame(RunOn(deployment, images, Given::kByTurns), values);
        }
      }
    }
  }
}

TEST(ByteInputsTest, DifferentBytesDiffer) {
  const GridShape shape = SmallShape();
  const TrueNorthDeployment deployment({RandomGrid(shape, 1)}, Drive(shape, 16));
  const Images images(2, 784);
  const Outcome outcome = RunOn(deployment, images, Given::kBytes);
  EXPECT_NE(outcome.results[0].activity.Total(&LayerActivity::reads).value(),
            outcome.results[1].activity.Total(&LayerActivity::reads).value());
}

TEST(ByteInputsDeathTest, CountMustBeTheNumberOfFeatures) {
  const GridShape shape = SmallShape();
  const TrueNorthDeployment deployment({RandomGrid(shape, 1)}, Drive(shape, 1));
  EXPECT_DEATH(RunOn(deployment, Images(1, 783), Given::kBytes), "features");
}

// Single ticks of many samples fill the lanes; longer samples fill them by fewer.
TEST(BlockSamplesTest, FollowTheMode) {
  const GridShape small = SmallShape();
  const std::shared_ptr<const GridKernels> kernels = MakeGridKernels({RandomGrid(small, 1)});
  const auto samples = [&](int ticks) {
    return TrueNorthDeployment(kernels, Drive(small, ticks)).block_samples();
  };
  EXPECT_EQ(samples(1), 512);
  EXPECT_EQ(samples(2), 256);
  EXPECT_EQ(samples(16), 64);
  EXPECT_LT(samples(1024), 64);
  EXPECT_EQ(samples(100'000), 1);
}

TEST(BlockSamplesTest, CopiesCount) {
  const GridShape small = SmallShape();
  std::vector<BinaryGrid> grids;
  for (uint64_t copy = 0; copy < 8; ++copy) {
    grids.push_back(RandomGrid(small, copy));
    grids.back().plan = grids.front().plan;
  }
  const std::shared_ptr<const GridKernels> kernels = MakeGridKernels(grids);
  const int one = TrueNorthDeployment(kernels, Drive(small, 200, 1)).block_samples();
  EXPECT_EQ(TrueNorthDeployment(kernels, Drive(small, 200, 8)).block_samples(), one / 8);
}

}  // namespace
}  // namespace torpor
