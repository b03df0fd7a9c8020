// Learning rules on cases worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/stdp/gated_rule.h"
#include "engine/stdp/normalise.h"
#include "engine/stdp/pairwise_rule.h"
#include "engine/stdp/rounder.h"
#include "engine/stdp/traces.h"
#include "engine/stdp/windowed_rule.h"
#include "random_network.h"

namespace torpor {
namespace {

using Spikes = std::vector<uint32_t>;

TEST(TracesTest, FollowTheClosedForm) {
  Traces traces(3, 20, 50);
  float x = 0;
  const float factor = std::exp(-1.0f / 20);
  for (int t = 0; t < 50; ++t) {
    const bool spikes = t == 4 || t == 5 || t == 30;
    if (spikes) traces.Record(Spikes{1}, t);
    x = spikes ? 1 : x * factor;
    EXPECT_NEAR(traces.At(1, t), x, 1e-6) << t;
    EXPECT_EQ(traces.At(0, t), 0.0f);
    EXPECT_EQ(traces.SpikedAt(1, t), spikes);
  }
  EXPECT_EQ(traces.At(1, 30), 1.0f);
  EXPECT_EQ(traces.seen().size(), 1u);
  traces.Reset();
  EXPECT_EQ(traces.At(1, 3), 0.0f);
  EXPECT_TRUE(traces.seen().empty());
}

TEST(RounderTest, EqualsQuantise) {
  RandomStream random(1, RandomPurpose::kTest);
  for (const FixedPoint format : {FixedPoint{0, 8, false}, FixedPoint{0, 1, false},
                                  FixedPoint{8, 3, true}, FixedPoint{8, -1, true}}) {
    for (const v1::Rounding::Kind rounding : {v1::Rounding::UNSPECIFIED, v1::Rounding::TRUNCATE,
                                              v1::Rounding::NEAREST, v1::Rounding::STOCHASTIC}) {
      const Rounder rounder(format, rounding);
      for (int i = 0; i < 2000; ++i) {
        const float range = i % 2 == 0 ? 2 * std::ldexp(1.0f, format.integer_bits) : 1e6f;
        const float x = range * (2 * random.NextFloat() - 1);
        const float noise = random.NextFloat();
        ASSERT_EQ(rounder(x, noise), Quantise(x, format, rounding, noise)) << x;
      }
      for (int k = -600; k <= 600; ++k) {
        const float x = std::ldexp(static_cast<float>(k), -format.fraction_bits - 1);
        ASSERT_EQ(rounder(x, 0.5f), Quantise(x, format, rounding, 0.5f)) << x;
      }
    }
  }
}

// Three inputs and two neurons, all weights 0.5; tau 1 / ln 2 halves traces each step.
struct Small {
  explicit Small(const std::optional<WeightFormat>& format = std::nullopt)
      : spikes(3, 2, 1 / std::log(2.0f), 40),
        weights(std::vector<float>(6, 0.5f), 3, 2, 1.0f, format) {
    weights.Begin(0);
  }
  SampleSpikes spikes;
  PlasticWeights weights;
};

TEST(PairwiseRuleTest, DepressesAtInputSpikesAndPotentiatesAtNeurons) {
  Small net;
  PairwiseRule rule(0.25f);
  const auto step = [&](const Spikes& input, const Spikes& emitted, int t) {
    net.spikes.Record(input, emitted, t);
    return rule.Learn(net.spikes, input, net.spikes.neurons.seen(), emitted, t, 0.125f,
                      net.weights);
  };
  // No neuron has spiked: nothing to learn.
  EXPECT_EQ(step({0}, {}, 0), 0);
  // Neuron 1 spikes: input 0's trace is 1/2, input 1 spikes now (lost 1/4, gained 1/8).
  EXPECT_EQ(step({1}, {1}, 1), 2);
  EXPECT_EQ(net.weights.At(0, 1), 0.5f + 0.0625f);
  EXPECT_EQ(net.weights.At(1, 1), 0.5f - 0.25f + 0.125f);
  EXPECT_EQ(net.weights.At(2, 1), 0.5f);
  // Inputs 0 and 2 spike when neuron 1's trace is 1/4.
  step({}, {}, 2);
  EXPECT_EQ(step({0, 2}, {}, 3), 2);
  EXPECT_EQ(net.weights.At(0, 1), 0.5625f - 0.0625f);
  EXPECT_EQ(net.weights.At(2, 1), 0.5f - 0.0625f);
  for (const uint32_t i : {0, 1, 2}) EXPECT_EQ(net.weights.At(i, 0), 0.5f);
}

// Clamped once a step: a loss below 0 that the same step's gain makes good is not lost.
TEST(PairwiseRuleTest, ClampsAfterBothChanges) {
  Small net;
  PairwiseRule rule(0.75f);
  net.spikes.Record(Spikes{0}, Spikes{0}, 0);
  rule.Learn(net.spikes, Spikes{0}, net.spikes.neurons.seen(), Spikes{0}, 0, 0.5f, net.weights);
  EXPECT_EQ(net.weights.At(0, 0), 0.25f);
  net.spikes.Record(Spikes{0}, {}, 1);
  rule.Learn(net.spikes, Spikes{0}, net.spikes.neurons.seen(), {}, 1, 0.5f, net.weights);
  EXPECT_EQ(net.weights.At(0, 0), 0.0f);
  net.spikes.Record({}, Spikes{0}, 2);
  rule.Learn(net.spikes, {}, net.spikes.neurons.seen(), Spikes{0}, 2, 5.0f, net.weights);
  EXPECT_EQ(net.weights.At(0, 0), 1.0f);
}

TEST(GatedRuleTest, LearnsOnlyFromTheSpikeThatOpensIt) {
  Small net;
  GatedRule rule(0.25f, 2);
  const auto step = [&](const Spikes& input, const Spikes& emitted, int t) {
    net.spikes.Record(input, emitted, t);
    return rule.Learn(net.spikes, input, emitted, t, 0.125f, net.weights);
  };
  EXPECT_EQ(step({0}, {1}, 0), 0);
  EXPECT_EQ(step({0}, {}, 1), 0);
  EXPECT_EQ(net.weights.At(0, 1), 0.5f);
  // Its second spike counts: input 0's trace is 1/2.
  EXPECT_EQ(step({}, {1}, 2), 1);
  EXPECT_EQ(net.weights.At(0, 1), 0.5625f);
  EXPECT_EQ(step({2}, {}, 3), 1);
  EXPECT_EQ(net.weights.At(2, 1), 0.5f - 0.125f);
}

TEST(WindowedRuleTest, LearnsAtTheEndOfAWindowWithTheBusiestNeuronsFactor) {
  Small net;
  WindowedRule rule(4, 2, 0);
  const auto step = [&](const Spikes& input, const Spikes& emitted, int t) {
    net.spikes.Record(input, emitted, t);
    return rule.Learn(net.spikes, t, 0.125f, net.weights);
  };
  EXPECT_EQ(step({0}, {1}, 0), 0);
  EXPECT_EQ(step({}, {1}, 1), 0);
  EXPECT_EQ(step({1}, {1}, 2), 0);
  // maxN = 3, k = 2; traces 1/8 and 1/2; neuron 1 alone, once.
  EXPECT_EQ(step({}, {}, 3), 2);
  EXPECT_EQ(net.weights.At(0, 1), 0.5f + 0.25f * 0.125f * 0.5f);
  EXPECT_EQ(net.weights.At(1, 1), 0.5f + 0.25f * 0.5f * 0.5f);
  EXPECT_EQ(net.weights.At(2, 1), 0.5f);
  EXPECT_EQ(net.weights.At(0, 0), 0.5f);
  // A window without its spikes teaches nothing.
  for (int t = 4; t < 8; ++t) EXPECT_EQ(step({0}, {}, t), 0);
}

TEST(WindowedRuleTest, DepressesEveryInputBelowTheTarget) {
  Small net;
  WindowedRule rule(2, 4, 0.75f);
  net.spikes.Record(Spikes{0}, {}, 0);
  rule.Learn(net.spikes, 0, 0.5f, net.weights);
  net.spikes.Record(Spikes{1}, Spikes{0}, 1);
  EXPECT_EQ(rule.Learn(net.spikes, 1, 0.5f, net.weights), 3);
  // Traces 1/2, 1 and 0.
  EXPECT_EQ(net.weights.At(0, 0), 0.5f + 0.25f * 0.5f - 0.5f * 0.25f * 0.5f);
  EXPECT_EQ(net.weights.At(1, 0), 0.5f + 0.5f * 0.5f);
  EXPECT_EQ(net.weights.At(2, 0), 0.5f - 0.5f * 0.75f * 0.5f);
}

TEST(NormaliseTest, ScalesColumnsThatSpikedToOneSum) {
  const std::vector<float> w = {0.1f, 0.9f, 0, 0.3f, 0.2f, 0, 0.2f, 0.1f, 0};
  PlasticWeights weights(w, 3, 3, 1.0f, std::nullopt);
  weights.Begin(0);
  std::vector<double> sums;
  NormaliseColumns(Spikes{0, 2}, 1.2f, 10, weights, sums);
  EXPECT_FLOAT_EQ(weights.At(0, 0), 0.2f);
  EXPECT_FLOAT_EQ(weights.At(1, 0), 0.6f);
  EXPECT_FLOAT_EQ(weights.At(2, 0), 0.4f);
  EXPECT_EQ(weights.At(0, 1), 0.9f);
  EXPECT_EQ(weights.At(0, 2), 0.0f);
  // No weight above its bound.
  NormaliseColumns(Spikes{1}, 2.4f, 11, weights, sums);
  EXPECT_EQ(weights.At(0, 1), 1.0f);
  EXPECT_FLOAT_EQ(weights.At(1, 1), 0.4f);
}

TEST(PlasticWeightsTest, RoundsEveryWriteAndStochasticallyInTheMean) {
  const FixedPoint format{0, 4, false};
  Small truncated(WeightFormat{format, v1::Rounding::TRUNCATE, 1});
  truncated.weights.Write(0, 0, 0, 0.55f);
  EXPECT_EQ(truncated.weights.At(0, 0), 0.5f);
  truncated.weights.Write(0, 0, 0, 2.0f);
  EXPECT_EQ(truncated.weights.At(0, 0), 0.9375f);

  PlasticWeights weights(std::vector<float>(100), 50, 2, 1.0f,
                         WeightFormat{format, v1::Rounding::STOCHASTIC, 1});
  double sum = 0;
  std::vector<float> first;
  for (uint64_t sample = 0; sample < 20; ++sample) {
    weights.Begin(sample);
    for (int step = 0; step < 20; ++step) {
      for (uint32_t i = 0; i < 50; ++i) {
        weights.Write(i, 1, step, 0.51f);
        sum += weights.At(i, 1);
        if (sample == 3 && step == 4) first.push_back(weights.At(i, 1));
      }
    }
  }
  // 0.16 of a step of 1/16: deviation of a write 0.023, of the mean of 20000 1.6e-4.
  EXPECT_NEAR(sum / 20000, 0.51, 8e-4);
  // The same place gives the same number, in any order.
  weights.Begin(3);
  for (uint32_t i = 50; i-- > 0;) {
    weights.Write(i, 1, 4, 0.51f);
    EXPECT_EQ(weights.At(i, 1), first[i]) << i;
  }
}

}  // namespace
}  // namespace torpor
