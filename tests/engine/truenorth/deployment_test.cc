#include "engine/truenorth/deployment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "engine/data/pixels.h"
#include "engine/truenorth/reference.h"
#include "tests/support/random_grids.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

constexpr uint64_t kSeed = 17;

// A whole call and what it returned.
struct Outcome {
  std::vector<float> scores;
  std::vector<SampleResult> results;
};

Matrix RandomImages(int count, int features, uint64_t seed) {
  Matrix images(count, features);
  RandomStream random(seed, RandomPurpose::kTest, 2);
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < features; ++j) {
      images(i, j) = random.NextDouble() < 0.6 ? 0 : random.NextFloat();
    }
  }
  return images;
}

// Samples first..first+count-1, keys as their rows.
Outcome RunOn(const Deployment& deployment, const Matrix& images, int first, int count,
              Recorder* recorder = nullptr) {
  const size_t n = static_cast<size_t>(count);
  const size_t classes = static_cast<size_t>(deployment.read_out().classes);
  Outcome outcome{.scores = std::vector<float>(n * classes), .results = {}};
  outcome.results.resize(n);
  std::vector<SampleTask> tasks(n);
  for (size_t i = 0; i < n; ++i) {
    const Eigen::Index row = first + static_cast<Eigen::Index>(i);
    tasks[i].input.values = {images.row(row).data(), static_cast<size_t>(images.cols())};
    tasks[i].key.sample = static_cast<uint64_t>(row);
    outcome.results[i].scores = {outcome.scores.data() + i * classes, classes};
    outcome.results[i].recorder = recorder;
  }
  EXPECT_THAT(deployment.Run(tasks, outcome.results, Cancellation()), IsOk());
  return outcome;
}

TrueNorthDrive Drive(const GridShape& shape, int ticks, int copies = 1) {
  TrueNorthDrive drive;
  drive.mode.set_steps(ticks);
  drive.mode.set_copies(copies);
  drive.read_out.classes = shape.classes;
  drive.seed = kSeed;
  return drive;
}

// What plain loops make of one sample.
struct Expected {
  int ticks = 0;
  std::vector<int64_t> votes;
  std::vector<LayerCounts> layers;
  // [layers][lines below], summed over ticks and copies.
  std::vector<std::vector<double>> lines;
};

Expected RunPlainly(const std::vector<BinaryGrid>& grids, const TrueNorthDrive& drive,
                    const Matrix& images, int row) {
  const GridPlan& plan = *grids.front().plan;
  const size_t features = static_cast<size_t>(plan.features);
  std::vector<uint8_t> bytes(features);
  ReadPixels({images.row(row).data(), features}, bytes);
  const RateCode code(plan.code, drive.mode.steps(), drive.seed, Instructions::kBase);
  std::vector<uint64_t> words(static_cast<size_t>(WordsOf(plan.features)));
  Expected expected;
  expected.votes.resize(static_cast<size_t>(plan.classes));
  expected.layers.resize(plan.layers.size());
  for (const CoreLayerPlan& layer : plan.layers) {
    expected.lines.emplace_back(static_cast<size_t>(layer.inputs));
  }
  bool stops = false;
  while (expected.ticks < drive.mode.steps() && !stops) {
    code.Spikes(bytes, static_cast<uint64_t>(row), expected.ticks++, words.data(), 1);
    std::vector<uint8_t> spikes(features);
    for (size_t i = 0; i < features; ++i) spikes[i] = words[i / 64] >> i % 64 & 1;
    for (int copy = 0; copy < drive.mode.copies(); ++copy) {
      const ReferenceTick tick = RunReference(grids[static_cast<size_t>(copy)], spikes);
      for (size_t k = 0; k < tick.classes.size(); ++k) expected.votes[k] += tick.classes[k];
      for (size_t l = 0; l < tick.layers.size(); ++l) {
        expected.layers[l].events += tick.layers[l].events;
        expected.layers[l].weighted_events += tick.layers[l].weighted_events;
        expected.layers[l].axon_spikes += tick.layers[l].axon_spikes;
        expected.layers[l].neuron_spikes += tick.layers[l].neuron_spikes;
        for (size_t i = 0; i < expected.lines[l].size(); ++i) {
          expected.lines[l][i] += tick.spikes[l][i];
        }
      }
    }
    std::vector<int64_t> sorted = expected.votes;
    std::sort(sorted.rbegin(), sorted.rend());
    stops = drive.mode.has_margin() &&
            static_cast<double>(sorted[0] - sorted[1]) >= drive.mode.margin();
  }
  return expected;
}

void ExpectAsPlain(const Expected& expected, const TrueNorthDrive& drive, const GridPlan& plan,
                   const SampleResult& result) {
  EXPECT_EQ(result.steps_used, expected.ticks);
  for (size_t k = 0; k < expected.votes.size(); ++k) {
    const double scale = static_cast<double>(drive.mode.steps()) / expected.ticks;
    EXPECT_EQ(result.scores[k], static_cast<float>(scale * static_cast<double>(expected.votes[k])));
  }
  ASSERT_EQ(result.activity.layers.size(), expected.layers.size());
  for (size_t l = 0; l < expected.layers.size(); ++l) {
    const LayerActivity& activity = result.activity.layers[l];
    const LayerCounts& counts = expected.layers[l];
    EXPECT_EQ(activity.synaptic_events.value(), static_cast<double>(counts.events));
    EXPECT_EQ(activity.synaptic_power.value(), static_cast<double>(counts.weighted_events));
    EXPECT_EQ(activity.reads.value(), static_cast<double>(counts.axon_spikes));
    EXPECT_EQ(activity.bits_moved.value(), static_cast<double>(counts.axon_spikes));
    EXPECT_EQ(activity.spikes.value(), static_cast<double>(counts.neuron_spikes));
    EXPECT_EQ(activity.core_ticks.value(), static_cast<double>(plan.layers[l].cores.size()) *
                                               expected.ticks * drive.mode.copies());
    EXPECT_EQ(activity.writes.value(), 0);
    EXPECT_EQ(activity.conversions.value(), 0);
  }
}

// Runs `samples` samples at once, some alone, and compares all with plain loops.
void ExpectAllAsPlain(const std::vector<BinaryGrid>& grids, const TrueNorthDrive& drive,
                      int samples) {
  const GridPlan& plan = *grids.front().plan;
  const TrueNorthDeployment deployment(grids, drive);
  const Matrix images = RandomImages(samples, plan.features, 3);
  Recorder recorder;
  const Outcome outcome = RunOn(deployment, images, 0, samples);
  const Outcome recorded = RunOn(deployment, images, 0, samples, &recorder);
  std::vector<std::vector<double>> lines;
  for (const CoreLayerPlan& layer : plan.layers) {
    lines.emplace_back(static_cast<size_t>(layer.inputs));
  }
  for (int i = 0; i < samples; ++i) {
    SCOPED_TRACE(i);
    const Expected expected = RunPlainly(grids, drive, images, i);
    ExpectAsPlain(expected, drive, plan, outcome.results[static_cast<size_t>(i)]);
    ExpectAsPlain(expected, drive, plan, recorded.results[static_cast<size_t>(i)]);
    if (i % 7 == 0) {
      ExpectAsPlain(expected, drive, plan, RunOn(deployment, images, i, 1).results[0]);
    }
    for (size_t l = 0; l < lines.size(); ++l) {
      for (size_t j = 0; j < lines[l].size(); ++j) lines[l][j] += expected.lines[l][j];
    }
  }
  EXPECT_EQ(recorder.samples, samples);
  for (size_t l = 0; l < lines.size(); ++l) {
    ASSERT_EQ(recorder.squared_inputs[l].size(), static_cast<int64_t>(lines[l].size()));
    for (size_t j = 0; j < lines[l].size(); ++j) {
      ASSERT_DOUBLE_EQ(recorder.squared_inputs[l][static_cast<int64_t>(j)],
                       lines[l][j] / drive.mode.copies())
          << "layer " << l << " line " << j;
    }
  }
}

// A grid that is quick by plain loops: 10 x 10 pixels, 4 + 1 cores.
GridShape QuickShape() {
  GridShape shape;
  shape.height = shape.width = 10;
  shape.layers = {{6, 4}, {2, 1}};
  shape.classes = 4;
  shape.output_neurons = 20;
  return shape;
}

// Copies whose leaks make classes' votes differ from tick to tick.
std::vector<BinaryGrid> Grids(const GridShape& shape, int copies) {
  std::vector<BinaryGrid> grids;
  for (int copy = 0; copy < copies; ++copy) {
    grids.push_back(RandomGrid(shape, 40 + static_cast<uint64_t>(copy)));
    grids.back().plan = grids.front().plan;
  }
  return grids;
}

TEST(TrueNorthDeploymentTest, EqualsPlainLoops) {
  for (const v1::RateCode::Kind code :
       {v1::RateCode::EVEN, v1::RateCode::THERMOMETER, v1::RateCode::BERNOULLI}) {
    for (const v1::Template::Kind strengths :
         {v1::Template::SIGNS, v1::Template::SIGNS_AND_DOUBLES}) {
      GridShape shape = QuickShape();
      shape.code = code;
      shape.strengths = strengths;
      for (const int ticks : {1, 5, 16}) {
        ExpectAllAsPlain(Grids(shape, 1), Drive(shape, ticks), 70);
      }
    }
  }
}

// More samples than a block has, and ticks that are cut by the end of lanes.
TEST(TrueNorthDeploymentTest, ManySamples) {
  const GridShape shape = QuickShape();
  ExpectAllAsPlain(Grids(shape, 1), Drive(shape, 1), 600);
  ExpectAllAsPlain(Grids(shape, 1), Drive(shape, 3), 550);
}

TEST(TrueNorthDeploymentTest, SomeOfTheCopies) {
  const GridShape shape = QuickShape();
  for (const int samples : {2, 40}) {
    for (const int copies : {1, 2, 3}) {
      ExpectAllAsPlain(Grids(shape, 3), Drive(shape, 5, copies), samples);
    }
  }
}

TEST(TrueNorthDeploymentTest, MarginStopsEarly) {
  const GridShape shape = QuickShape();
  for (const int copies : {1, 2}) {
    for (const double margin : {0.0, 1.0, 2.5, 6.0, 1e9}) {
      for (const int samples : {3, 150}) {
        TrueNorthDrive drive = Drive(shape, 16, copies);
        drive.mode.set_margin(margin);
        ExpectAllAsPlain(Grids(shape, 2), drive, samples);
      }
    }
  }
}

// The margin's own point: samples take different numbers of ticks, and fewer than all.
TEST(TrueNorthDeploymentTest, MarginSavesTicks) {
  const GridShape shape = QuickShape();
  TrueNorthDrive drive = Drive(shape, 16);
  drive.mode.set_margin(4);
  const TrueNorthDeployment deployment(Grids(shape, 1), drive);
  const Matrix images = RandomImages(200, deployment.features(), 3);
  std::vector<int> used;
  for (const SampleResult& result : RunOn(deployment, images, 0, 200).results) {
    used.push_back(result.steps_used);
  }
  const auto [least, most] = std::minmax_element(used.begin(), used.end());
  EXPECT_GE(*least, 1);
  EXPECT_LT(*least, *most);
  EXPECT_LE(*most, 16);
}

TEST(TrueNorthDeploymentTest, ThreadsGiveTheSameBits) {
  const GridShape shape = QuickShape();
  const TrueNorthDeployment deployment(Grids(shape, 1), Drive(shape, 16));
  const Matrix images = RandomImages(100, deployment.features(), 4);
  const Outcome alone = RunOn(deployment, images, 0, 100);
  std::vector<Outcome> outcomes(4);
  std::vector<std::thread> threads;
  for (Outcome& outcome : outcomes) {
    threads.emplace_back([&] { outcome = RunOn(deployment, images, 0, 100); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.scores, alone.scores);
}

// At full power the nominal power is the real one; with half of the ticks or copies, half of it.
TEST(TrueNorthDeploymentTest, NominalPower) {
  GridShape shape = QuickShape();
  shape.strengths = v1::Template::SIGNS_AND_DOUBLES;
  const std::vector<BinaryGrid> grids = Grids(shape, 1);
  const TrueNorthDeployment full(grids, Drive(shape, 16));
  const Matrix images = RandomImages(50, full.features(), 5);
  Recorder recorder;
  const Outcome outcome = RunOn(full, images, 0, 50, &recorder);
  double power = 0;
  for (const SampleResult& result : outcome.results) {
    power += result.activity.Total(&LayerActivity::synaptic_power).value();
  }
  EXPECT_NEAR(full.NominalSynapticPower(recorder), power / 50, 1e-9 * power);
  const TrueNorthDeployment half(grids, Drive(shape, 8));
  EXPECT_NEAR(half.NominalSynapticPower(recorder), power / 100, 1e-9 * power);
  const std::vector<BinaryGrid> twins = {grids[0], grids[0]};
  const TrueNorthDeployment both(twins, Drive(shape, 16, 2));
  EXPECT_NEAR(both.NominalSynapticPower(recorder), power / 25, 1e-9 * power);
}

TEST(TrueNorthDeploymentTest, FootprintCountsTheHardware) {
  const GridShape shape = SmallShape();
  std::vector<BinaryGrid> grids = {RandomGrid(shape, 1, 0.25), RandomGrid(shape, 2, 0.25)};
  grids[1].plan = grids[0].plan;
  // Copies that are switched off still exist.
  const TrueNorthDeployment deployment(grids, Drive(shape, 4, 1));
  const Footprint& footprint = deployment.footprint();
  EXPECT_EQ(footprint.profile, "truenorth-cores");
  ASSERT_EQ(footprint.layers.size(), 2u);
  EXPECT_EQ(footprint.layers[0].synapses, 2 * 4 * 256 * 64);
  EXPECT_EQ(footprint.layers[1].synapses, 2 * 256 * 250);
  EXPECT_EQ(footprint.layers[1].biases, 2 * 250);
  EXPECT_EQ(footprint.layers[0].weight_bits, 1);
  EXPECT_NEAR(footprint.layers[0].density, 0.25, 0.01);
}

TEST(TrueNorthDeploymentTest, StopsWhenCancelled) {
  const GridShape shape = LargeShape();
  const TrueNorthDeployment deployment({RandomGrid(shape, 1)}, Drive(shape, 4096));
  const Matrix images = RandomImages(512, deployment.features(), 6);
  std::vector<SampleTask> tasks(512);
  std::vector<SampleResult> results(512);
  std::vector<float> scores(512 * 10);
  for (size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].input.values = {images.row(static_cast<Eigen::Index>(i)).data(), 784};
    results[i].scores = {scores.data() + 10 * i, 10};
  }
  const absl::Time start = absl::Now();
  const Cancellation cancellation(start + absl::Milliseconds(20));
  EXPECT_THAT(deployment.Run(tasks, results, cancellation),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  // All of it would take half a second at least; the rest is room for a busy machine.
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(400));
}

}  // namespace
}  // namespace torpor
