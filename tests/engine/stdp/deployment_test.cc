#include "engine/stdp/deployment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "engine/data/catalogue.h"
#include "engine/families.h"
#include "engine/stdp/model.h"
#include "engine/stdp/stored_weights.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stdp_networks.h"

namespace torpor {
namespace {

using testing::SmallStdp;

constexpr int kSamples = 200;

struct Outcome {
  std::vector<float> scores;
  Activity activity;
  std::vector<int> steps;
  Recorder recorder;
};

// A network of 24 neurons that learned from 600 samples and has labels.
class StdpDeploymentTest : public ::testing::Test {
 protected:
  StdpDeploymentTest() {
    v1::TrainSpec spec;
    spec.set_learning_rate(0.05);
    auto trainer = *model_->NewTrainer(spec, &pool_);
    constexpr int kTrained = 600;
    Matrix inputs(kTrained, model_->features());
    train_.CopyRange(
        0, kTrained,
        {inputs.data(), kTrained, model_->features(), Eigen::OuterStride<>(model_->features())});
    std::vector<int32_t> labels;
    for (int i = 0; i < kTrained; ++i) labels.push_back(train_.label(i));
    StepReport report;
    TORPOR_CHECK(trainer->Step({Rows(inputs, 0, kTrained), labels, 0}, report).ok());
    TORPOR_CHECK(model_->Calibrate(train_, "digits", "digest", &pool_, Cancellation()).ok());
  }

  StdpModel& model() { return static_cast<StdpModel&>(*model_); }

  static Outcome Run(const Deployment& deployment, const Dataset& data, int samples = kSamples,
                     bool bytes = false) {
    const int features = deployment.features();
    std::vector<float> values(static_cast<size_t>(samples) * features);
    std::vector<uint8_t> pixels(values.size());
    std::vector<SampleTask> tasks(static_cast<size_t>(samples));
    std::vector<SampleResult> results(tasks.size());
    Outcome outcome;
    const int classes = deployment.read_out().classes;
    outcome.scores.resize(tasks.size() * static_cast<size_t>(classes));
    for (size_t i = 0; i < tasks.size(); ++i) {
      const std::span<float> row(values.data() + i * features, static_cast<size_t>(features));
      data.CopySample(static_cast<int64_t>(i), row);
      uint8_t* own = pixels.data() + i * features;
      for (int f = 0; f < features; ++f) {
        own[f] = static_cast<uint8_t>(std::lround(row[f] * 255));
      }
      tasks[i].input =
          bytes ? InputView{{}, {own, static_cast<size_t>(features)}} : InputView{row, {}};
      tasks[i].key.sample = i;
      results[i].scores = {outcome.scores.data() + i * classes, static_cast<size_t>(classes)};
      results[i].recorder = &outcome.recorder;
    }
    EXPECT_TRUE(deployment.Run(tasks, results, Cancellation()).ok());
    for (const SampleResult& result : results) {
      outcome.activity.Add(result.activity);
      outcome.steps.push_back(result.steps_used);
    }
    return outcome;
  }
  Outcome RunMode(const v1::PowerMode& mode, int samples = kSamples) {
    const auto deployment = model_->Deploy(mode, {});
    EXPECT_TRUE(deployment.ok()) << deployment.status();
    return Run(**deployment, test_, samples);
  }
  static int Agreeing(const Outcome& a, const Outcome& b) {
    int same = 0;
    for (size_t i = 0; i < a.scores.size(); i += 10) {
      same += ClassOf({a.scores.data() + i, 10}) == ClassOf({b.scores.data() + i, 10});
    }
    return same;
  }

  const Dataset train_ = SyntheticDigits(v1::Split::TRAIN);
  const Dataset test_ = SyntheticDigits(v1::Split::TEST);
  ThreadPool pool_{1};
  std::unique_ptr<Model> model_ = *BuildModel(SmallStdp(), 5);
};

TEST_F(StdpDeploymentTest, BytesAndValuesAreOne) {
  const auto deployment = *model_->Deploy({}, {});
  EXPECT_TRUE(deployment->reads_bytes());
  EXPECT_EQ(Run(*deployment, test_).scores, Run(*deployment, test_, kSamples, true).scores);
}

TEST_F(StdpDeploymentTest, NeighboursChangeNothing) {
  const auto deployment = *model_->Deploy({}, {});
  const Outcome all = Run(*deployment, test_);
  const Outcome few = Run(*deployment, test_, 7);
  EXPECT_TRUE(std::equal(few.scores.begin(), few.scores.end(), all.scores.begin()));
}

// Scaling everything by a power of two is exact in float; by other numbers it is as good as that.
TEST_F(StdpDeploymentTest, HomogeneousScalingLeavesSpikes) {
  const Outcome full = RunMode({});
  v1::PowerMode mode;
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  mode.set_epsilon(0.25);
  const Outcome quarter = RunMode(mode);
  EXPECT_EQ(quarter.scores, full.scores);
  const auto power = &LayerActivity::synaptic_power;
  EXPECT_DOUBLE_EQ(quarter.activity.Total(power).value(), full.activity.Total(power).value() / 4);
  mode.set_epsilon(0.3);
  EXPECT_GE(Agreeing(RunMode(mode), full), kSamples - 2);

  mode.set_bias(v1::BiasPolicy::NONE);
  const auto spikes = &LayerActivity::spikes;
  EXPECT_LT(RunMode(mode).activity.Total(spikes).value(), full.activity.Total(spikes).value() / 2)
      << "without compensation neurons fall silent";
}

TEST_F(StdpDeploymentTest, CodesEqualFloatsOfTheSameNumbers) {
  for (const int bits : {3, 8, 12, 16}) {
    v1::PowerMode mode;
    mode.set_precision_bits(bits);
    mode.set_rounding(v1::Rounding::STOCHASTIC);
    const Outcome codes = RunMode(mode);
    StdpWeights stored = model().weights();
    v1::Quantization quantization;
    quantization.set_weight_bits(bits);
    quantization.set_rounding(v1::Rounding::STOCHASTIC);
    StoreWeights(quantization, stored.weights);
    ASSERT_NE(stored.weights, model().weights().weights);
    StdpDrive drive;
    drive.parameters = model().plan().parameters;
    drive.weights = std::move(stored);
    drive.mode.set_steps(drive.parameters.steps);
    drive.labels = std::make_shared<const NeuronLabels>(model().labels());
    drive.read_out.classes = 10;
    const StdpDeployment floats(std::make_shared<const StdpPlan>(model().plan()), std::move(drive));
    EXPECT_EQ(codes.scores, Run(floats, test_).scores) << bits;
  }
}

TEST_F(StdpDeploymentTest, NeuronBitsCoarsenThresholds) {
  v1::PowerMode mode;
  mode.set_neuron_bits(16);
  EXPECT_GE(Agreeing(RunMode(mode), RunMode({})), kSamples - 10);
  mode.set_neuron_bits(4);
  mode.set_rounding(v1::Rounding::TRUNCATE);
  EXPECT_LT(Agreeing(RunMode(mode), RunMode({})), kSamples / 2)
      << "steps of 32 mV hold no threshold of 13";
}

TEST_F(StdpDeploymentTest, FewerStepsAreThePrefix) {
  v1::PowerMode mode;
  mode.set_steps(30);
  const Outcome some = RunMode(mode);
  const Outcome all = RunMode({});
  for (const int steps : some.steps) EXPECT_EQ(steps, 30);
  const auto updates = &LayerActivity::neuron_updates;
  EXPECT_EQ(some.activity.Total(updates).value() * 2, all.activity.Total(updates).value());
  const auto spikes = &LayerActivity::spikes;
  EXPECT_LT(some.activity.Total(spikes).value(), all.activity.Total(spikes).value());
}

TEST_F(StdpDeploymentTest, AMarginStopsEasySamples) {
  v1::PowerMode mode;
  mode.set_margin(1);
  const Outcome early = RunMode(mode);
  const Outcome all = RunMode({});
  EXPECT_LT(std::accumulate(early.steps.begin(), early.steps.end(), 0), kSamples * 60 * 0.9);
  EXPECT_LT(*std::min_element(early.steps.begin(), early.steps.end()),
            *std::max_element(early.steps.begin(), early.steps.end()));
  EXPECT_GE(Agreeing(early, all), kSamples * 7 / 10);
  // A margin that nothing reaches stops nothing.
  mode.set_margin(24 * 60);
  EXPECT_EQ(RunMode(mode).scores, all.scores);
}

TEST_F(StdpDeploymentTest, CountsWhatHappened) {
  const Outcome one = RunMode({}, 1);
  const LayerActivity& excitatory = one.activity.layers[0];
  const Eigen::VectorXd& spikes = one.recorder.squared_inputs[0];
  EXPECT_EQ(excitatory.synaptic_events.value(), spikes.sum() * 24);
  EXPECT_EQ(excitatory.reads.value(), excitatory.synaptic_events.value());
  EXPECT_EQ(excitatory.bits_moved.value(), excitatory.reads.value() * 32);
  EXPECT_EQ(excitatory.synapse_steps.value(), 60.0 * 144 * 24);
  EXPECT_EQ(excitatory.neuron_updates.value(), 60.0 * 24);
  double power = 0;
  for (int i = 0; i < 144; ++i) {
    for (int j = 0; j < 24; ++j) {
      power += spikes[i] *
               static_cast<double>(model().weights().weights[static_cast<size_t>(i * 24 + j)]);
    }
  }
  EXPECT_NEAR(excitatory.synaptic_power.value(), power, 1e-9 * power);
  // Inhibition reaches all others, a step later.
  const double emitted = excitatory.spikes.value();
  EXPECT_GT(emitted, 0);
  EXPECT_LE(one.activity.layers[1].synaptic_events.value(), emitted * 23);
  EXPECT_GE(one.activity.layers[1].synaptic_events.value(), (emitted - 1) * 23);

  const auto full = *model_->Deploy({}, {});
  EXPECT_NEAR(full->NominalSynapticPower(model_->FullPowerRecord()),
              model_->calibration().full_power(), 1e-9 * model_->calibration().full_power());
}

TEST_F(StdpDeploymentTest, TheSeedDrawsOtherSpikes) {
  v1::Realisation other;
  other.set_seed(4);
  const Outcome a = RunMode({});
  const Outcome b = Run(**model_->Deploy({}, other), test_);
  EXPECT_NE(a.scores, b.scores);
  EXPECT_GE(Agreeing(a, b), kSamples * 7 / 10);
}

TEST_F(StdpDeploymentTest, ACancelledRunSaysSo) {
  Cancellation cancelled;
  cancelled.Cancel();
  const auto deployment = *model_->Deploy({}, {});
  std::vector<float> values(144), scores(10);
  SampleTask task{{values, {}}, {}};
  SampleResult result;
  result.scores = scores;
  EXPECT_THAT(deployment->Run({&task, 1}, {&result, 1}, cancelled),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace torpor
