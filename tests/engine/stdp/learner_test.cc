#include "engine/stdp/learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "engine/stdp/reference.h"
#include "random_network.h"

namespace torpor {
namespace {

struct Case {
  std::string name;
  LearningSettings settings;
};

std::vector<Case> Rules() {
  std::vector<Case> rules(6);
  rules[0] = {"pairwise", {}};
  rules[0].settings.rule = PairwiseSettings{0.02f};
  rules[1] = {"potentiation", {}};
  rules[1].settings.rule = PairwiseSettings{0};
  rules[2] = {"windowed", {}};
  rules[2].settings.rule = WindowedSettings{10, 2, 0};
  rules[3] = {"windowed, depression", {}};
  rules[3].settings.rule = WindowedSettings{7, 1, 0.4f};
  rules[4] = {"gated", {}};
  rules[4].settings.rule = GatedSettings{0.02f, 2};
  rules[5] = {"unnormalised", {}};
  rules[5].settings.rule = PairwiseSettings{0.04f};
  for (Case& rule : rules) {
    rule.settings.trace_tau = 20;
    rule.settings.norm = rule.name == "unnormalised" ? 0.0f : 9.0f;
  }
  return rules;
}

// Both see the same samples; spikes, weights and theta must be the same bits.
void ExpectEqual(const StdpParameters& p, const LearningSettings& settings,
                 const StateFormats& formats, uint64_t seed, Instructions with) {
  const StdpWeights initial = SomeWeights(p, seed);
  Learner learner(p, initial, settings, formats, seed, with);
  ReferenceNetwork reference(p, initial, settings, formats, seed);
  std::vector<int32_t> counts(static_cast<size_t>(p.neurons));
  std::vector<int32_t> expected(static_cast<size_t>(p.neurons));
  int64_t emitted = 0;
  int64_t updates = 0;
  for (uint64_t sample = 0; sample < 4; ++sample) {
    const SpikeTrain train = SomeSpikes(p, 0.12, 100 * seed + sample);
    const StdpCounts happened = learner.Present(train, sample, 0.05f, counts);
    reference.Present(train, sample, 0.05f, expected);
    ASSERT_EQ(counts, expected) << "sample " << sample;
    EXPECT_EQ(happened.emitted_spikes, std::accumulate(counts.begin(), counts.end(), 0));
    EXPECT_EQ(happened.normalised_columns,
              settings.norm > 0 ? p.neurons - std::count(counts.begin(), counts.end(), 0) : 0);
    emitted += happened.emitted_spikes;
    updates += happened.weight_updates;
    const StdpWeights learned = learner.Weights();
    ASSERT_EQ(learned.theta, reference.weights().theta) << "sample " << sample;
    ASSERT_EQ(learned.weights, reference.weights().weights) << "sample " << sample;
  }
  // Otherwise nothing was compared.
  EXPECT_GT(emitted, 3);
  EXPECT_GT(updates, 0);
  EXPECT_NE(learner.Weights().weights, initial.weights);
}

TEST(LearnerTest, EqualsTheReferenceForEveryRuleInhibitionAndInstructionSet) {
  for (const Case& rule : Rules()) {
    for (const bool inhibitory : {false, true}) {
      for (const bool one_winner : {false, true}) {
        for (const int neurons : {1, 7, 33}) {
          for (const Instructions with : InstructionSets()) {
            SCOPED_TRACE(rule.name + (inhibitory ? ", inhibitory" : ", direct") +
                         (one_winner ? ", one winner, " : ", all, ") + std::to_string(neurons) +
                         " neurons, set " + std::to_string(static_cast<int>(with)));
            StdpParameters p = SomeParameters(45, neurons);
            if (inhibitory) p.inhibitory = SomeInhibitory();
            p.one_winner = one_winner;
            ExpectEqual(p, rule.settings, {}, 1 + static_cast<uint64_t>(neurons), with);
          }
        }
      }
    }
  }
}

TEST(LearnerTest, EqualsTheReferenceAtTheSizeOfThePaper) {
  for (const Case& rule : Rules()) {
    SCOPED_TRACE(rule.name);
    for (const uint64_t seed : {1, 2}) {
      StdpParameters p = SomeParameters(100, 400);
      if (seed == 2) p.inhibitory = SomeInhibitory();
      ExpectEqual(p, rule.settings, {}, seed, BestInstructions());
    }
  }
}

TEST(LearnerTest, EqualsTheReferenceWhenEveryWriteIsRounded) {
  for (Case rule : Rules()) {
    for (const v1::Rounding::Kind rounding :
         {v1::Rounding::TRUNCATE, v1::Rounding::NEAREST, v1::Rounding::STOCHASTIC}) {
      SCOPED_TRACE(rule.name + ", rounding " + std::to_string(rounding));
      StdpParameters p = SomeParameters(45, 33);
      p.inhibitory = SomeInhibitory();
      rule.settings.weights = WeightFormat{{0, 6, false}, rounding, 9};
      StateFormats formats;
      formats.membrane = FixedPoint{8, 3, true};
      formats.membrane_rounding = rounding;
      formats.theta = FixedPoint{8, 4, true};
      formats.theta_rounding = rounding;
      ExpectEqual(p, rule.settings, formats, 5, BestInstructions());
    }
  }
}

TEST(LearnerTest, GoesOnFromItsOwnWeights) {
  StdpParameters p = SomeParameters(45, 33);
  p.inhibitory = SomeInhibitory();
  LearningSettings settings = Rules()[0].settings;
  settings.weights = WeightFormat{{0, 5, false}, v1::Rounding::STOCHASTIC, 9};
  StateFormats formats;
  formats.theta = FixedPoint{8, 4, true};
  formats.theta_rounding = v1::Rounding::STOCHASTIC;
  Learner whole(p, SomeWeights(p, 1), settings, formats, 1);
  std::vector<int32_t> counts(33);
  const auto present = [&](Learner& learner, uint64_t sample) {
    learner.Present(SomeSpikes(p, 0.12, sample), sample, 0.05f, counts);
  };
  for (uint64_t sample = 0; sample < 3; ++sample) present(whole, sample);
  Learner resumed(p, whole.Weights(), settings, formats, 1);
  for (uint64_t sample = 3; sample < 6; ++sample) {
    present(whole, sample);
    present(resumed, sample);
  }
  EXPECT_EQ(resumed.Weights().weights, whole.Weights().weights);
  EXPECT_EQ(resumed.Weights().theta, whole.Weights().theta);
}

}  // namespace
}  // namespace torpor
