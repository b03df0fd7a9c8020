#include "engine/stdp/population.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/stdp/presentation.h"
#include "engine/stdp/reference.h"
#include "random_network.h"

namespace torpor {
namespace {

std::vector<uint32_t> Listed(std::span<const uint32_t> neurons) {
  return {neurons.begin(), neurons.end()};
}

// Step by step, spikes and potentials.
void ExpectEqual(const StdpParameters& p, const StdpWeights& weights, const WeightRows& rows,
                 const StateFormats& formats, double chance, Instructions with) {
  Population population(p, weights.theta, formats, 3, with);
  ReferenceNetwork reference(p, weights, {}, formats, 3);
  std::vector<int32_t> counts(static_cast<size_t>(p.neurons));
  int64_t emitted = 0;
  for (uint64_t sample = 0; sample < 3; ++sample) {
    const SpikeTrain train = SomeSpikes(p, chance, sample);
    reference.Present(train, sample, std::nullopt, counts);
    population.Reset(sample);
    for (int t = 0; t < p.steps; ++t) {
      const auto arriving = t == 0 ? std::span<const uint32_t>() : train.At(t - 1);
      ASSERT_EQ(Listed(population.Step(rows, arriving, false)),
                reference.emitted()[static_cast<size_t>(t)])
          << "step " << t << " of sample " << sample;
    }
    const auto potentials = population.potentials();
    ASSERT_EQ(std::vector<float>(potentials.begin(), potentials.end()), reference.potentials());
    emitted += population.counts().emitted_spikes;
  }
  EXPECT_GT(emitted, 3);
}

TEST(PopulationTest, EqualsTheReferenceForEverySizeInhibitionAndInstructionSet) {
  for (const int neurons : {1, 7, 32, 33, 97, 400, 450, 1000}) {
    for (const bool inhibitory : {false, true}) {
      for (const bool one_winner : {false, true}) {
        for (const Instructions with : InstructionSets()) {
          SCOPED_TRACE(std::to_string(neurons) + (inhibitory ? " inhibitory" : " direct") +
                       (one_winner ? " one" : " all") + " set " +
                       std::to_string(static_cast<int>(with)));
          StdpParameters p = SomeParameters(45, neurons);
          if (inhibitory) p.inhibitory = SomeInhibitory();
          p.one_winner = one_winner;
          const StdpWeights weights = SomeWeights(p, 4);
          const WeightRows rows = WeightRows::Floats(weights.weights, 45, neurons);
          ExpectEqual(p, weights, rows, {}, 0.12, with);
        }
      }
    }
  }
}

// Codes of 1 to 16 bits, with so many spikes a step that 16-bit sums overflow.
TEST(PopulationTest, CodesEqualTheReferenceOnTheSameWeights) {
  for (const int bits : {2, 8, 9, 15}) {
    for (const int inputs : {45, 700}) {
      for (const Instructions with : InstructionSets()) {
        SCOPED_TRACE(std::to_string(bits) + " bits, " + std::to_string(inputs) + " inputs, set " +
                     std::to_string(static_cast<int>(with)));
        StdpParameters p = SomeParameters(inputs, 97);
        const FixedPoint format{0, bits, false};
        StdpWeights weights = SomeWeights(p, 4);
        for (float& w : weights.weights) {
          // Large ones, so that sums need all their bits.
          w = Quantise(inputs > 100 ? 1 - w / 60 : w, format, v1::Rounding::TRUNCATE);
        }
        for (float& theta : weights.theta) theta += inputs > 100 ? 500.0f : 0.0f;
        const WeightRows rows = WeightRows::Codes(weights.weights, inputs, 97, format);
        EXPECT_EQ(rows.kind(), bits <= 8 ? WeightRows::Kind::kCode8 : WeightRows::Kind::kCode16);
        EXPECT_EQ(rows.Values(), weights.weights);
        ExpectEqual(p, weights, rows, {}, inputs > 100 ? 0.6 : 0.12, with);
      }
    }
  }
}

TEST(PopulationTest, RoundsPotentialsAsTheReferenceDoes) {
  for (const v1::Rounding::Kind rounding :
       {v1::Rounding::TRUNCATE, v1::Rounding::NEAREST, v1::Rounding::STOCHASTIC}) {
    for (const int fraction_bits : {-1, 0, 7}) {
      for (const Instructions with : InstructionSets()) {
        SCOPED_TRACE(std::to_string(rounding) + ", fraction bits " + std::to_string(fraction_bits) +
                     ", set " + std::to_string(static_cast<int>(with)));
        StdpParameters p = SomeParameters(45, 33);
        p.inhibitory = SomeInhibitory();
        // Below what the format holds.
        p.inhibition = 500;
        const StdpWeights weights = SomeWeights(p, 4);
        const WeightRows rows = WeightRows::Floats(weights.weights, 45, 33);
        StateFormats formats;
        formats.membrane = FixedPoint{8, fraction_bits, true};
        formats.membrane_rounding = rounding;
        ExpectEqual(p, weights, rows, formats, 0.2, with);
      }
    }
  }
}

TEST(PopulationTest, AddsNoiseAsTheReferenceDoes) {
  for (const bool inhibitory : {false, true}) {
    for (const Instructions with : InstructionSets()) {
      StdpParameters p = SomeParameters(45, 97);
      if (inhibitory) p.inhibitory = SomeInhibitory();
      p.noise = 0.7f;
      const StdpWeights weights = SomeWeights(p, 4);
      ExpectEqual(p, weights, WeightRows::Floats(weights.weights, 45, 97), {}, 0.12, with);
    }
  }
}

// Without input or decay a potential is a sum of independent numbers.
TEST(PopulationTest, NoiseHasItsDeviationAndIsOfItsSampleAlone) {
  StdpParameters p = SomeParameters(1, 4000);
  p.decay = 1;
  p.noise = 0.5f;
  p.threshold = 1000;
  const StdpWeights weights = SomeWeights(p, 4);
  const WeightRows rows = WeightRows::Floats(weights.weights, 1, 4000);
  Population population(p, weights.theta, {}, 3);
  const auto shown = [&](uint64_t sample) {
    population.Reset(sample);
    for (int t = 0; t < 16; ++t) population.Step(rows, {}, false);
    const auto v = population.potentials();
    return std::vector<float>(v.begin(), v.end());
  };
  const std::vector<float> first = shown(7);
  double sum = 0, squares = 0;
  for (const float v : first) {
    sum += static_cast<double>(v);
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  // 16 steps of deviation 0.5 each; 4000 neurons, so 5 deviations of either estimate.
  EXPECT_NEAR(sum / 4000, 0, 5 * 2 / std::sqrt(4000.0));
  EXPECT_NEAR(std::sqrt(squares / 4000), 2, 5 * 2 / std::sqrt(8000.0));
  EXPECT_NE(shown(8), first);
  EXPECT_EQ(shown(7), first);
}

// One input that drives neuron 0 by 20 mV and neuron 1 by 1 mV.
struct Pair {
  Pair() {
    p = SomeParameters(1, 2);
    p.decay = 0.5f;
    p.inhibition = 8;
    p.refractory = 2;
  }
  WeightRows Rows() const { return WeightRows::Floats(std::vector<float>{20, 1}, 1, 2); }
  StdpParameters p;
  const std::vector<float> theta = {0, 0};
  const std::vector<uint32_t> spike = {0};
};

TEST(PopulationTest, InputIsLostWhileRefractory) {
  const Pair pair;
  Population population(pair.p, pair.theta, {}, 1);
  const WeightRows rows = pair.Rows();
  population.Reset(0);
  EXPECT_EQ(Listed(population.Step(rows, pair.spike, false)), std::vector<uint32_t>{0});
  EXPECT_EQ(population.potentials()[0], 5.0f);
  // Two steps decay from the reset alone, the third takes input again.
  EXPECT_TRUE(population.Step(rows, pair.spike, false).empty());
  EXPECT_EQ(population.potentials()[0], 2.5f);
  EXPECT_TRUE(population.Step(rows, pair.spike, false).empty());
  EXPECT_EQ(population.potentials()[0], 1.25f);
  EXPECT_EQ(Listed(population.Step(rows, pair.spike, false)), std::vector<uint32_t>{0});
}

TEST(PopulationTest, DirectInhibitionReachesTheOthersOneStepLater) {
  const Pair pair;
  Population population(pair.p, pair.theta, {}, 1);
  const WeightRows rows = pair.Rows();
  population.Reset(0);
  population.Step(rows, pair.spike, false);
  EXPECT_EQ(population.potentials()[1], 1.0f);
  population.Step(rows, {}, false);
  EXPECT_EQ(population.potentials()[0], 2.5f);
  EXPECT_EQ(population.potentials()[1], 0.5f - 8.0f);
  population.Step(rows, {}, false);
  EXPECT_EQ(population.potentials()[1], -3.75f);
  EXPECT_EQ(population.counts().lateral_additions, 1);
}

TEST(PopulationTest, AnInhibitoryNeuronActsOneStepAfterItsPartner) {
  Pair pair;
  pair.p.inhibitory = SomeInhibitory();
  Population population(pair.p, pair.theta, {}, 1);
  const WeightRows rows = pair.Rows();
  population.Reset(0);
  population.Step(rows, pair.spike, false);
  population.Step(rows, {}, false);
  EXPECT_EQ(population.potentials()[1], 0.5f);
  EXPECT_EQ(population.counts().inhibitory_spikes, 1);
  population.Step(rows, {}, false);
  EXPECT_EQ(population.potentials()[0], 1.25f);
  EXPECT_EQ(population.potentials()[1], 0.25f - 8.0f);
  EXPECT_EQ(population.counts().neuron_updates, 3 * 4);
}

TEST(PopulationTest, AllThatCrossRestAndRiseButOneEmits) {
  StdpParameters p = SomeParameters(1, 40);
  const WeightRows rows = WeightRows::Floats(std::vector<float>(40, 20.0f), 1, 40);
  const std::vector<uint32_t> spike = {0};
  std::vector<int> won(40);
  for (uint64_t sample = 0; sample < 400; ++sample) {
    Population population(p, std::vector<float>(40), {}, 1);
    population.Reset(sample);
    const auto emitted = population.Step(rows, spike, true);
    ASSERT_EQ(emitted.size(), 1u);
    ++won[emitted[0]];
    ASSERT_EQ(population.counts().crossings, 40);
    for (const float v : population.potentials()) ASSERT_EQ(v, p.reset);
    for (const float theta : population.theta()) ASSERT_EQ(theta, p.theta_plus);
  }
  // Ten expected each.
  for (const int n : won) EXPECT_LT(n, 30);
  EXPECT_GT(std::count_if(won.begin(), won.end(), [](int n) { return n > 0; }), 35);

  p.one_winner = false;
  Population all(p, std::vector<float>(40), {}, 1);
  all.Reset(0);
  EXPECT_EQ(all.Step(rows, spike, false).size(), 40u);
  EXPECT_EQ(all.theta()[0], 0.0f);
}

// Truncation of increments below one step of the format: homeostasis is dead (see StateFormats).
TEST(PopulationTest, ThetaBelowOneStepNeverRisesUnderTruncation) {
  const StdpParameters p = SomeParameters(1, 1);
  const WeightRows rows = WeightRows::Floats(std::vector<float>{20}, 1, 1);
  const std::vector<uint32_t> spike = {0};
  const auto theta_after = [&](v1::Rounding::Kind rounding) {
    StateFormats formats;
    formats.theta = FixedPoint{8, 3, true};
    formats.theta_rounding = rounding;
    Population population(p, std::vector<float>{0}, formats, 1);
    for (uint64_t sample = 0; sample < 1000; ++sample) {
      population.Reset(sample);
      population.Step(rows, spike, true);
    }
    return population.theta()[0];
  };
  EXPECT_EQ(theta_after(v1::Rounding::TRUNCATE), 0.0f);
  // Until 7 mV: then one spike no longer crosses.
  EXPECT_EQ(theta_after(v1::Rounding::STOCHASTIC), 7.125f);
}

TEST(PresentationTest, StopsAfterTheStepThatIsEnough) {
  const StdpParameters p = SomeParameters(45, 33);
  const StdpWeights weights = SomeWeights(p, 4);
  const WeightRows rows = WeightRows::Floats(weights.weights, 45, 33);
  const SpikeTrain train = SomeSpikes(p, 0.12, 1);
  Presentation presentation(p, weights.theta, {}, 1);
  std::vector<int32_t> all(33), some(33);
  const StdpCounts whole = presentation.Present(rows, train, 1, all);
  ASSERT_GT(whole.emitted_spikes, 3);
  EXPECT_EQ(whole.steps, p.steps);
  EXPECT_EQ(whole.input_spikes, static_cast<int64_t>(train.inputs.size()));
  EXPECT_EQ(whole.synaptic_additions,
            33 * static_cast<int64_t>(train.begin[static_cast<size_t>(p.steps) - 1]));
  EXPECT_EQ(whole.neuron_updates, 33 * p.steps);

  int asked = 0;
  const StdpCounts half =
      presentation.Present(rows, train, 1, some, [&](int steps, std::span<const int32_t> counts) {
        ++asked;
        EXPECT_LE(steps, p.steps);
        EXPECT_EQ(counts.size(), 33u);
        return asked == 2;
      });
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(half.emitted_spikes, 2);
  EXPECT_LT(half.steps, whole.steps);
  EXPECT_EQ(half.input_spikes, static_cast<int64_t>(train.begin[static_cast<size_t>(half.steps)]));
  int64_t spikes = 0;
  for (const int32_t n : some) spikes += n;
  EXPECT_EQ(spikes, 2);
  // What was stopped leaves nothing behind.
  EXPECT_EQ(presentation.Present(rows, train, 1, some), whole);
  EXPECT_EQ(some, all);
}

}  // namespace
}  // namespace torpor
