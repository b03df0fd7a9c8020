// Networks of the family lif at power modes: epsilon, steps, margin, streams, and what they count.
#include "engine/lif/deployment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "engine/base/random.h"
#include "model_fixture.h"
#include "tests/support/bad_fields.h"

namespace torpor {
namespace {

using testing::SmallLif;

using LifDeploymentTest = LifModelTest;

TEST_F(LifDeploymentTest, ThresholdsThatFollowEpsilonLeaveClassesAlone) {
  const auto model = Built(SmallLif());
  Train(*model, Spec(), 40);
  TORPOR_ASSERT_OK(Calibrate(*model));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto full, model->Deploy({}, {}));
  const Answer all = Run(*full);
  v1::PowerMode mode;
  mode.set_epsilon(0.125);
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto down, model->Deploy(mode, {}));
  const Answer scaled = Run(*down);
  ASSERT_EQ(scaled.scores.size(), all.scores.size());
  for (size_t i = 0; i < all.scores.size(); ++i) ASSERT_EQ(scaled.scores[i], all.scores[i] / 8);
  EXPECT_EQ(scaled.events, all.events);
  EXPECT_NEAR(scaled.power, all.power / 8, 1e-6 * all.power);
  mode.set_output_gain(true);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto gained, model->Deploy(mode, {}));
  EXPECT_EQ(Run(*gained).scores, all.scores);
  mode.set_bias(v1::BiasPolicy::NONE);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto quiet, model->Deploy(mode, {}));
  EXPECT_LT(Run(*quiet).events, all.events);
  // NASP of full power is 1, of epsilon what the power says.
  const Recorder record = model->FullPowerRecord();
  EXPECT_NEAR(full->NominalSynapticPower(record), model->calibration().full_power(), 1e-9);
  EXPECT_NEAR(down->NominalSynapticPower(record) / full->NominalSynapticPower(record), 0.125, 1e-6);
}

// WAGE's copy of a membrane has steps of its own, which follow too.
TEST_F(LifDeploymentTest, MembranesOfFewBitsFollowEpsilon) {
  for (const int bits : {2, 4}) {
    SCOPED_TRACE(bits);
    const auto model = Built(SmallLif(
        absl::StrCat("quantization { scheme: WAGE weight_bits: 6 membrane_bits: ", bits, " }")));
    v1::TrainSpec spec = Spec();
    spec.mutable_lif()->mutable_integers();
    spec.set_optimizer(v1::Optimizer::SGD);
    spec.set_learning_rate(4);
    Train(*model, spec, 40);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto full, model->Deploy({}, {}));
    v1::PowerMode mode;
    mode.set_epsilon(0.0625);
    mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto down, model->Deploy(mode, {}));
    const Answer all = Run(*full), scaled = Run(*down);
    EXPECT_GT(all.events, 0);
    EXPECT_EQ(scaled.events, all.events);
    for (size_t i = 0; i < all.scores.size(); ++i) ASSERT_EQ(scaled.scores[i], all.scores[i] / 16);
  }
}

TEST_F(LifDeploymentTest, StepsAndMarginStopEarly) {
  for (const char* more : {"", "read_out: SPIKES"}) {
    const auto model = Built(SmallLif(more));
    Train(*model, Spec());
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto full, model->Deploy({}, {}));
    const Answer all = Run(*full);
    v1::PowerMode mode;
    mode.set_margin(1e30);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto never, model->Deploy(mode, {}));
    const Answer whole = Run(*never);
    EXPECT_EQ(whole.events, all.events);
    for (size_t i = 0; i < all.scores.size(); ++i) {
      ASSERT_NEAR(whole.scores[i], all.scores[i], 1e-4);
    }
    // Large enough for most samples to be sure, so small that many are soon.
    mode.set_margin(model->definition().lif().read_out() == v1::LifReadOut::SPIKES ? 2 : 0.5);
    EXPECT_GT(Accuracy(*model, mode), Accuracy(*model) - 0.15);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto soon, model->Deploy(mode, {}));
    const Answer early = Run(*soon);
    EXPECT_LT(early.events, all.events);
    EXPECT_LT(*std::min_element(early.steps.begin(), early.steps.end()), 12);
    mode.Clear();
    mode.set_steps(6);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto half, model->Deploy(mode, {}));
    EXPECT_LT(Run(*half).events, all.events);
    EXPECT_THAT(Run(*half).steps, ::testing::Each(6));
  }
}

TEST_F(LifDeploymentTest, OneClassHasNoMargin) {
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [8] } layers { dense { units: 3 } } layers { dense { units: 1 } }"));
  v1::PowerMode mode;
  mode.set_margin(0.5);
  EXPECT_THAT(testing::FieldsOf(model->Deploy(mode, {}).status()),
              ::testing::ElementsAre("margin"));
}

TEST_F(LifDeploymentTest, TheLeastEpsilonsLeaveNumbers) {
  const auto model = Built(SmallLif());
  v1::PowerMode mode;
  mode.set_epsilon(1e-300);
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  mode.set_output_gain(true);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy(mode, {}));
  const Answer answer = Run(*deployment, 10);
  for (const float score : answer.scores) ASSERT_TRUE(std::isfinite(score)) << score;
}

TEST_F(LifDeploymentTest, FewerStepsReadAsProbabilities) {
  for (const char* more : {"", "read_out: SPIKES"}) {
    SCOPED_TRACE(more);
    const auto model = Built(SmallLif(more));
    Train(*model, Spec());
    const auto error = [&](const v1::PowerMode& mode) {
      const auto deployment = model->Deploy(mode, {});
      EXPECT_TRUE(deployment.ok()) << deployment.status();
      const Answer answer = Run(**deployment, 500);
      CalibrationError ece;
      for (size_t i = 0; i < 500; ++i) {
        const auto scores = std::span<const float>(answer.scores).subspan(10 * i, 10);
        ece.Add(WinningProbability((*deployment)->read_out(), scores),
                ClassOf(scores) == test_.label(static_cast<int64_t>(i)));
      }
      return ece.Value();
    };
    v1::PowerMode few, early;
    few.set_steps(6);
    early.set_margin(model->definition().lif().read_out() == v1::LifReadOut::SPIKES ? 2 : 0.5);
    // Means over few steps, as they are, say less than the network knows.
    if (model->definition().lif().read_out() != v1::LifReadOut::SPIKES) {
      EXPECT_GT(error(few), 0.2);
      EXPECT_GT(error(early), 0.3);
    }
    TORPOR_ASSERT_OK(Calibrate(*model));
    EXPECT_LT(error(few), 0.1);
    EXPECT_LT(error(early), 0.12);
  }
}

TEST_F(LifDeploymentTest, StreamsGoOnFromChunkToChunk) {
  const auto model =
      Built(testing::LifNetworkOf("input { shape: [8] } read_out: SPIKES neuron { threshold: 0.3 } "
                                  "layers { dense { units: 12 recurrent: true } initial_scale: 2 } "
                                  "layers { dense { units: 5 } initial_scale: 2 }"));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy({}, {}));
  ASSERT_EQ(deployment->stream_inputs(), 8);
  std::vector<int32_t> step, index;
  RandomStream random(1, RandomPurpose::kTest);
  for (int n = 0; n < 60; ++n) {
    for (int j = 0; j < 8; ++j) {
      if (random.NextFloat() < 0.3f) {
        step.push_back(n);
        index.push_back(j);
      }
    }
  }
  struct Spikes {
    std::vector<int32_t> step, index;
    double events = 0;
  };
  // Steps begin..end-1 of the stream.
  const auto run = [&](StreamState& state, int begin, int end, Spikes& out) {
    std::vector<int32_t> own_step, own_index;
    for (size_t i = 0; i < step.size(); ++i) {
      if (step[i] < begin || step[i] >= end) continue;
      own_step.push_back(step[i] - begin);
      own_index.push_back(index[i]);
    }
    std::vector<float> scores(5);
    ChunkResult result;
    result.scores = scores;
    TORPOR_ASSERT_OK(deployment->RunChunk(
        {.steps = end - begin, .step = own_step, .index = own_index}, {}, state, result, {}));
    float sum = 0;
    for (const float score : scores) sum += score;
    EXPECT_EQ(sum, static_cast<float>(result.step.size())) << "counts of this chunk alone";
    for (size_t i = 0; i < result.step.size(); ++i) {
      out.step.push_back(result.step[i] + begin);
      out.index.push_back(result.index[i]);
    }
    out.events += result.activity.Total(&LayerActivity::spikes).value();
  };
  Spikes whole, pieces, other;
  const auto one = deployment->NewStream();
  run(*one, 0, 60, whole);
  EXPECT_GT(whole.step.size(), 20u);
  const auto two = deployment->NewStream();
  const auto three = deployment->NewStream();
  for (const auto& [begin, end] : {std::pair(0, 1), std::pair(1, 18), std::pair(18, 60)}) {
    run(*two, begin, end, pieces);
    run(*three, 30, 31, other);
  }
  EXPECT_EQ(pieces.step, whole.step);
  EXPECT_EQ(pieces.index, whole.index);
  EXPECT_EQ(pieces.events, whole.events);
  // The same weights turned down go on from there; another network does not.
  v1::PowerMode mode;
  mode.set_epsilon(0.5);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto down, model->Deploy(mode, {}));
  EXPECT_TRUE(down->Continues(*one));
  const auto larger = Built(testing::LifNetworkOf(
      "input { shape: [8] } layers { dense { units: 13 } } layers { dense { units: 5 } }"));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto stranger, larger->Deploy({}, {}));
  EXPECT_FALSE(stranger->Continues(*one));
}

TEST_F(LifDeploymentTest, ChunksNumberTheInputsOfImagesAsSamplesDo) {
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [6, 2, 5, 4] } spikes {} neuron { threshold: 0.2 } "
      "layers { conv2d { channels: 3 kernel: 3 } initial_scale: 2 } layers { dense { units: 4 } "
      "initial_scale: 2 }"));
  // Step by step, as chunks go.
  v1::PowerMode mode;
  mode.set_margin(1e9);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy(mode, {}));
  ASSERT_EQ(deployment->stream_inputs(), 40);
  std::vector<int32_t> step, index;
  std::vector<float> values(6 * 40);
  RandomStream random(2, RandomPurpose::kTest);
  for (size_t i = 0; i < values.size(); ++i) {
    if (random.NextFloat() >= 0.3f) continue;
    values[i] = 1;
    step.push_back(static_cast<int32_t>(i / 40));
    index.push_back(static_cast<int32_t>(i % 40));
  }
  std::vector<float> of_sample(4), of_chunk(4);
  const SampleTask task = {.input = {.values = values}, .key = {}};
  SampleResult sample;
  sample.scores = of_sample;
  TORPOR_ASSERT_OK(deployment->Run({&task, 1}, {&sample, 1}, Cancellation()));
  ChunkResult chunk;
  chunk.scores = of_chunk;
  TORPOR_ASSERT_OK(deployment->RunChunk({.steps = 6, .step = step, .index = index}, {},
                                        *deployment->NewStream(), chunk, {}));
  EXPECT_NE(of_sample, std::vector<float>(4));
  EXPECT_EQ(of_chunk, of_sample);
  EXPECT_EQ(chunk.activity.Total(&LayerActivity::synaptic_events).value(),
            sample.activity.Total(&LayerActivity::synaptic_events).value());
}

// A chunk of many steps through a wide layer is computed in pieces.
TEST_F(LifDeploymentTest, LongChunksOfWideNetworksAreTheirParts) {
  const auto model =
      Built(testing::LifNetworkOf("input { shape: [2] } read_out: SPIKES neuron { threshold: 0.3 } "
                                  "layers { dense { units: 8192 } initial_scale: 2 } "
                                  "layers { dense { units: 16 } initial_scale: 4 }"));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy({}, {}));
  // Input 1 in every eleventh step, around the piece's end at 2048 too.
  std::vector<int32_t> step;
  for (int n = 0; n < 2060; n += 11) step.push_back(n);
  const auto run = [&](StreamState& state, int begin, int end) {
    std::vector<int32_t> own_step, own_index;
    for (const int32_t n : step) {
      if (n < begin || n >= end) continue;
      own_step.push_back(n - begin);
      own_index.push_back(1);
    }
    std::vector<float> scores(16);
    ChunkResult result;
    result.scores = scores;
    EXPECT_TRUE(deployment
                    ->RunChunk({.steps = end - begin, .step = own_step, .index = own_index}, {},
                               state, result, Cancellation())
                    .ok());
    for (int32_t& n : result.step) n += begin;
    EXPECT_EQ(std::accumulate(scores.begin(), scores.end(), 0.0f),
              static_cast<float>(result.step.size()));
    result.scores = {};
    return result;
  };
  const ChunkResult whole = run(*deployment->NewStream(), 0, 2060);
  const auto state = deployment->NewStream();
  ChunkResult parts = run(*state, 0, 1500);
  const ChunkResult rest = run(*state, 1500, 2060);
  parts.step.insert(parts.step.end(), rest.step.begin(), rest.step.end());
  parts.index.insert(parts.index.end(), rest.index.begin(), rest.index.end());
  ASSERT_FALSE(whole.step.empty());
  EXPECT_GT(whole.step.back(), 2048);
  EXPECT_EQ(parts.step, whole.step);
  EXPECT_EQ(parts.index, whole.index);
  const auto updates = &LayerActivity::neuron_updates;
  EXPECT_EQ(whole.activity.Total(updates).value(), 2060 * (8192 + 16));
}

// Somebody gives up while a chunk runs that takes seconds.
TEST_F(LifDeploymentTest, ChunksEndWhenNobodyWaitsForThem) {
  const auto model = Built(
      testing::LifNetworkOf("input { shape: [2] } read_out: SPIKES neuron { threshold: 0.01 } "
                            "layers { dense { units: 3000 recurrent: true } } "
                            "layers { dense { units: 2 } }"));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy({}, {}));
  std::vector<int32_t> step(4096), index(4096);
  std::iota(step.begin(), step.end(), 0);
  std::vector<float> scores(2);
  ChunkResult result;
  result.scores = scores;
  Cancellation cancellation;
  std::thread client([&] {
    absl::SleepFor(absl::Milliseconds(30));
    cancellation.Cancel();
  });
  const auto state = deployment->NewStream();
  EXPECT_EQ(deployment
                ->RunChunk({.steps = 4096, .step = step, .index = index}, {}, *state, result,
                           cancellation)
                .code(),
            absl::StatusCode::kCancelled);
  client.join();
}

// Samples that stop early and streams share workspaces.
TEST_F(LifDeploymentTest, ThreadsDoNotSeeEachOther) {
  const auto model = Built(SmallLif("read_out: SPIKES rate { chance: 0.5 }"));
  v1::PowerMode mode;
  mode.set_margin(3);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy(mode, {}));
  // Input `key` alone, in all steps of each of eight chunks: scores of all, one after another.
  const auto stream = [&](int32_t key) {
    std::vector<float> all;
    const auto state = deployment->NewStream();
    const std::vector<int32_t> step = {0, 1, 2, 3, 4}, index(5, key);
    for (int n = 0; n < 8; ++n) {
      std::vector<float> scores(10);
      ChunkResult result;
      result.scores = scores;
      EXPECT_TRUE(deployment
                      ->RunChunk({.steps = 5, .step = step, .index = index}, {}, *state, result,
                                 Cancellation())
                      .ok());
      all.insert(all.end(), scores.begin(), scores.end());
    }
    return all;
  };
  const std::vector<float> samples = Run(*deployment, 40).scores;
  std::vector<std::vector<float>> streams;
  for (int32_t key = 0; key < 144; ++key) streams.push_back(stream(key));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      if (t % 2 == 0) {
        EXPECT_EQ(Run(*deployment, 40).scores, samples);
      }
      for (int32_t key = t; key < 144; key += 2)
        EXPECT_EQ(stream(key), streams[static_cast<size_t>(key)]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(LifDeploymentTest, CountsWhatHappened) {
  // One input that spikes in the first step and drives both neurons beyond the threshold at once.
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [2, 1] } spikes {} layers { name: 'a' dense { units: 2 } } "
      "layers { name: 'b' dense { units: 3 } }"));
  auto& lif = static_cast<LifModel&>(*model);
  lif.MutableParameters(v1::Loss::CE)[0].input = {2, -0.5f};
  lif.MutableParameters(v1::Loss::CE)[1].input = {1, 0, -1, 5, 5, 5};
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy({}, {}));
  const std::vector<float> sample = {1, 0};
  std::vector<float> scores(3);
  std::vector<SampleTask> tasks = {{.input = {.values = sample}, .key = {}}};
  std::vector<SampleResult> results(1);
  results[0].scores = scores;
  TORPOR_ASSERT_OK(deployment->Run(tasks, results, Cancellation()));
  const LayerActivity& a = results[0].activity.layers[0];
  EXPECT_EQ(a.synaptic_events.value(), 2);
  EXPECT_EQ(a.synaptic_power.value(), 2.5);
  // U is 2, then .9 * 2 + .7 * 2 - .9 = 2.3: neuron 0 spikes in both steps, neuron 1 never.
  EXPECT_EQ(a.spikes.value(), 2);
  EXPECT_EQ(a.neuron_updates.value(), 4);
  const LayerActivity& b = results[0].activity.layers[1];
  EXPECT_EQ(b.synaptic_events.value(), 6);
  EXPECT_EQ(b.synaptic_power.value(), 4);
  EXPECT_EQ(deployment->footprint().layers[1].density, 5.0 / 6);
  // P of output 0 is 1, then .9 + .7 + 1: the mean is 1.8.
  EXPECT_NEAR(scores[0], 1.8, 1e-6);
  EXPECT_NEAR(scores[2], -1.8, 1e-6);
}

// The same with a loop: the spike of the first step is heard in the second, that of the second
// never. In pieces there is no more and no less.
TEST_F(LifDeploymentTest, ChargesLoopsForSpikesThatArrive) {
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [2, 1] } spikes {} layers { name: 'a' dense { units: 2 recurrent: true } } "
      "layers { name: 'b' dense { units: 3 } }"));
  auto& lif = static_cast<LifModel&>(*model);
  lif.MutableParameters(v1::Loss::CE)[0] = {.input = {2, -0.5f}, .recurrent = {0.25f, -0.5f, 8, 8}};
  const std::vector<float> sample = {1, 0};
  for (const double margin : {-1.0, 1e30}) {
    v1::PowerMode mode;
    if (margin > 0) mode.set_margin(margin);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy(mode, {}));
    std::vector<float> scores(3);
    std::vector<SampleTask> tasks = {{.input = {.values = sample}, .key = {}}};
    std::vector<SampleResult> results(1);
    Recorder recorder;
    results[0].scores = scores;
    results[0].recorder = &recorder;
    TORPOR_ASSERT_OK(deployment->Run(tasks, results, Cancellation()));
    const LayerActivity& a = results[0].activity.layers[0];
    EXPECT_EQ(a.spikes.value(), 2);
    EXPECT_EQ(a.synaptic_events.value(), 2 + 2);
    EXPECT_EQ(a.synaptic_power.value(), 2.5 + 0.75);
    EXPECT_EQ(a.reads.value(), 4);
    EXPECT_EQ(recorder.squared_inputs[0], Eigen::Vector3d(1, 1, 0));
  }
}

}  // namespace
}  // namespace torpor
