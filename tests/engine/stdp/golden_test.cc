// Spikes, weights and thresholds of an independent simulation (tests/golden/stdp/generate.py),
// which follows the procedure by which the notes compare engines.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/stdp/learner.h"
#include "engine/stdp/presentation.h"
#include "tests/support/stdp_golden.h"

namespace torpor {
namespace {

using testing::GoldenSample;
using testing::GoldenSpike;
using testing::StdpGolden;

// From the golden run's absolute millivolts.
StdpParameters ParametersOf(const StdpGolden& golden) {
  const auto& g = golden.parameters;
  const auto number = [&](const char* population, const char* name) {
    return g[population][name].get<float>();
  };
  const double dt = g["dt"];
  StdpParameters p;
  p.inputs = golden.inputs;
  p.neurons = golden.neurons;
  p.steps = golden.steps;
  p.decay = static_cast<float>(std::exp(-dt / number("e", "tau")));
  p.reset = number("e", "reset") - number("e", "rest");
  p.threshold = number("e", "threshold") - number("e", "rest");
  p.refractory = g["e"]["refractory"];
  p.theta_plus = g["theta_plus"];
  p.theta_decay = static_cast<float>(std::exp(-golden.steps * dt / g["theta_tau"].get<double>()));
  p.inhibition = -g["i_to_e"].get<float>();
  p.one_winner = g["one_spike"];
  p.inhibitory = InhibitoryNeurons{.decay = static_cast<float>(std::exp(-dt / number("i", "tau"))),
                                   .reset = number("i", "reset") - number("i", "rest"),
                                   .threshold = number("i", "threshold") - number("i", "rest"),
                                   .refractory = g["i"]["refractory"],
                                   .drive = g["e_to_i"]};
  return p;
}

SpikeTrain TrainOf(const StdpGolden& golden, const GoldenSample& sample) {
  SpikeTrain train;
  auto spike = sample.inputs.begin();
  for (int step = 0; step <= golden.steps; ++step) {
    train.begin.push_back(train.inputs.size());
    while (step < golden.steps && spike != sample.inputs.end() && spike->step == step) {
      train.inputs.push_back(static_cast<uint32_t>((spike++)->index));
    }
  }
  EXPECT_EQ(train.inputs.size(), sample.inputs.size());
  return train;
}

TEST(StdpGoldenTest, InferenceEmitsTheSameSpikes) {
  const StdpGolden golden = testing::LoadStdpGolden();
  const StdpParameters p = ParametersOf(golden);
  const WeightRows rows = WeightRows::Floats(golden.trained_weight, p.inputs, p.neurons);
  for (const Instructions with : {Instructions::kBase, BestInstructions()}) {
    Population population(p, golden.trained_theta, {}, 0, with);
    for (size_t k = 0; k < golden.inference.size(); ++k) {
      const SpikeTrain train = TrainOf(golden, golden.inference[k]);
      std::vector<GoldenSpike> spikes;
      population.Reset(k);
      for (int step = 0; step < golden.steps; ++step) {
        const auto arriving = step == 0 ? std::span<const uint32_t>() : train.At(step - 1);
        for (const uint32_t neuron : population.Step(rows, arriving, false)) {
          spikes.push_back({step, static_cast<int>(neuron)});
        }
      }
      EXPECT_TRUE(spikes == golden.inference[k].spikes) << "sample " << k;
      EXPECT_FALSE(spikes.empty());
    }
  }
}

TEST(StdpGoldenTest, LearningEmitsTheSameSpikesAndLearnsTheSameWeights) {
  const StdpGolden golden = testing::LoadStdpGolden();
  const StdpParameters p = ParametersOf(golden);
  LearningSettings settings;
  settings.rule = PairwiseSettings{.nu0 = golden.parameters["nu0"]};
  settings.trace_tau = golden.parameters["trace_tau"];
  settings.norm = golden.parameters["norm"];
  for (const Instructions with : {Instructions::kBase, BestInstructions()}) {
    Learner learner(p, {golden.trained_weight, golden.learning_theta}, settings, {}, 0, with);
    std::vector<int32_t> counts(static_cast<size_t>(golden.neurons));
    for (size_t k = 0; k < golden.learning.size(); ++k) {
      const GoldenSample& sample = golden.learning[k];
      std::vector<GoldenSpike> spikes;
      learner.Present(TrainOf(golden, sample), k, golden.parameters["nu1"], counts,
                      [&](int step, std::span<const uint32_t> emitted) {
                        for (const uint32_t neuron : emitted) {
                          spikes.push_back({step, static_cast<int>(neuron)});
                        }
                      });
      EXPECT_TRUE(spikes == sample.spikes) << "sample " << k;
    }
    const StdpWeights learned = learner.Weights();
    float worst = 0;
    for (size_t i = 0; i < learned.weights.size(); ++i) {
      worst = std::max(worst, std::abs(learned.weights[i] - golden.learned_weight[i]));
    }
    EXPECT_LE(worst, 1e-6f);
    // Theta decays by the sample here, by the step there, where float32 rounds each time.
    float theta = 0;
    for (size_t j = 0; j < learned.theta.size(); ++j) {
      theta = std::max(theta, std::abs(learned.theta[j] - golden.learned_theta[j]));
    }
    EXPECT_LE(theta, 0.01f);
  }
}

}  // namespace
}  // namespace torpor
