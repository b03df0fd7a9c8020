#include "engine/power/hopeless.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/random.h"
#include "engine/learn/metrics.h"
#include "engine/power/frontier.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr StoppingRule kPareto;
constexpr StoppingRule kReward = {.goal = StoppingRule::Goal::kReward};

// Right `percent` times of a hundred, tested on 10 000: intervals of about +-1 point.
Rung At(int64_t samples, double percent) {
  return {.samples = samples, .correct = std::llround(100 * percent), .tested = 10000};
}
Arm ArmOf(double memory, std::vector<Rung> rungs, std::optional<double> energy = {}) {
  return {.memory = memory, .energy = energy, .rungs = std::move(rungs)};
}

TEST(HopelessArmsTest, OneThatIsLargerAndClearlyWorseIsStopped) {
  const Arm good = ArmOf(100, {At(1000, 80)});
  EXPECT_THAT(HopelessArms(std::vector{good, ArmOf(100, {At(1000, 75)})}, kPareto), ElementsAre(1));
  // Within the intervals.
  EXPECT_THAT(HopelessArms(std::vector{good, ArmOf(100, {At(1000, 79)})}, kPareto), IsEmpty());
  // Smaller, hence of use.
  EXPECT_THAT(HopelessArms(std::vector{good, ArmOf(99, {At(1000, 75)})}, kPareto), IsEmpty());
  // Not for the reward: all but 1 % of the memory is no use if accuracy is 0.
  EXPECT_THAT(
      HopelessArms(std::vector{good, ArmOf(99, {At(1000, 75)}), ArmOf(1, {At(1000, 70)})}, kReward),
      ElementsAre(1));
}

TEST(HopelessArmsTest, NobodyIsBlamedForHavingTrainedLess) {
  const Arm early = ArmOf(100, {At(1000, 60)});
  const Arm late = ArmOf(100, {At(1000, 61), At(5000, 90)});
  EXPECT_THAT(HopelessArms(std::vector{early, late}, kPareto), IsEmpty());
  // Not even by an arm that has no rung so early.
  EXPECT_THAT(HopelessArms(std::vector{early, ArmOf(100, {At(5000, 90)})}, kPareto), IsEmpty());
  // But for being worse after more training.
  EXPECT_THAT(HopelessArms(std::vector{early, ArmOf(100, {At(5000, 50)})}, kPareto),
              ElementsAre(1));
  // What an arm could once do stops nobody where it no longer can.
  EXPECT_THAT(
      HopelessArms(std::vector{ArmOf(1, {At(1000, 80), At(2000, 20)}), ArmOf(1, {At(1000, 50)})},
                   kPareto),
      ElementsAre(0));
  EXPECT_THAT(
      HopelessArms(std::vector{ArmOf(1, {At(1000, 80), At(2000, 20)}), ArmOf(1, {At(2000, 50)})},
                   kPareto),
      ElementsAre(0));
}

TEST(HopelessArmsTest, EnergyCanBeThePlaceInTheParetoSet) {
  const Arm good = ArmOf(100, {At(1000, 80)}, 5);
  EXPECT_THAT(HopelessArms(std::vector{good, ArmOf(100, {At(1000, 70)}, 4)}, kPareto), IsEmpty());
  EXPECT_THAT(HopelessArms(std::vector{good, ArmOf(100, {At(1000, 70)}, 4)}, kReward),
              ElementsAre(1));
  EXPECT_THAT(HopelessArms(std::vector{good, ArmOf(100, {At(1000, 70)})}, kPareto), ElementsAre(1));
  EXPECT_THAT(
      HopelessArms(std::vector{ArmOf(100, {At(1000, 80)}), ArmOf(100, {At(1000, 70)}, 4)}, kPareto),
      IsEmpty());
}

TEST(HopelessArmsTest, MarginAndPatienceSpareArms) {
  const std::vector arms = {ArmOf(100, {At(1000, 80)}), ArmOf(100, {At(1000, 75)})};
  EXPECT_THAT(HopelessArms(arms, {.margin = 0.05}), IsEmpty());
  EXPECT_THAT(HopelessArms(arms, {.margin = 0.02}), ElementsAre(1));
  EXPECT_THAT(HopelessArms(arms, {.min_samples = 1001}), IsEmpty());
  EXPECT_THAT(HopelessArms(arms, {.min_samples = 1000}), ElementsAre(1));
}

std::vector<Arm> RandomArms(RandomStream& random) {
  std::vector<Arm> arms(1 + random.NextBelow(12));
  for (Arm& arm : arms) {
    arm.memory = static_cast<double>(1 + random.NextBelow(10));
    if (random.NextBelow(3) != 0) arm.energy = static_cast<double>(1 + random.NextBelow(5));
    const int64_t tested = 50 + static_cast<int64_t>(random.NextBelow(300));
    int64_t samples = 0;
    for (uint64_t rungs = random.NextBelow(4); rungs > 0; --rungs) {
      samples += 1000 * static_cast<int64_t>(1 + random.NextBelow(2));
      arm.rungs.push_back({samples, static_cast<int64_t>(random.NextBelow(tested + 1)), tested});
    }
  }
  return arms;
}

// The definition, at equal training: give one arm all its luck and all others none of theirs, and
// see whether the frontier takes it.
TEST(HopelessArmsTest, AgreesWithTheFrontierOfBestAndWorstCases) {
  RandomStream random(1, RandomPurpose::kTest);
  int stopped = 0, kept = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<Arm> arms = RandomArms(random);
    for (Arm& arm : arms) {
      arm.rungs.assign(1, {1000, static_cast<int64_t>(random.NextBelow(201)), 200});
    }
    const std::vector<size_t> by_pareto = HopelessArms(arms, kPareto);
    const std::vector<size_t> by_reward = HopelessArms(arms, kReward);
    for (size_t i = 0; i < arms.size(); ++i) {
      std::vector<Candidate> candidates;
      for (size_t j = 0; j < arms.size(); ++j) {
        const Interval accuracy = WilsonInterval(arms[j].rungs[0].correct, 200);
        candidates.push_back({.accuracy = j == i ? accuracy.high : accuracy.low,
                              .memory = arms[j].memory,
                              .energy = arms[j].energy});
      }
      const std::vector<size_t> pareto = ParetoSet(candidates);
      const bool is_pareto = std::find(pareto.begin(), pareto.end(), i) != pareto.end();
      // Equal accuracies would be ties of the frontier, which are hope here.
      ASSERT_EQ(std::find(by_pareto.begin(), by_pareto.end(), i) == by_pareto.end(), is_pareto);
      ASSERT_EQ(std::find(by_reward.begin(), by_reward.end(), i) == by_reward.end(),
                RewardIntervals(candidates, 1)[i].has_value());
      ++(is_pareto ? kept : stopped);
    }
  }
  EXPECT_GT(stopped, 300);
  EXPECT_GT(kept, 300);
}

TEST(HopelessArmsTest, TheSurestArmStaysAndTheRewardStopsNoFewerOfEqualEnergy) {
  RandomStream random(2, RandomPurpose::kTest);
  for (int round = 0; round < 500; ++round) {
    std::vector<Arm> arms = RandomArms(random);
    for (Arm& arm : arms) arm.energy.reset();
    const std::vector<size_t> by_pareto = HopelessArms(arms, kPareto);
    const std::vector<size_t> by_reward = HopelessArms(arms, kReward);
    for (size_t i : by_pareto) ASSERT_THAT(by_reward, Contains(i));
    size_t surest = arms.size();
    double low = -1;
    for (size_t i = 0; i < arms.size(); ++i) {
      if (arms[i].rungs.empty()) {
        ASSERT_THAT(by_reward, Not(Contains(i)));
        continue;
      }
      const Interval accuracy =
          WilsonInterval(arms[i].rungs.back().correct, arms[i].rungs.back().tested);
      if (accuracy.low > low) {
        low = accuracy.low;
        surest = i;
      }
    }
    ASSERT_THAT(by_reward, Not(Contains(surest)));
  }
}

// Arms that are equally good are seldom told apart: the figure that the header states.
TEST(HopelessArmsTest, EqualArmsAreStoppedInLessThanOnePercentOfTrials) {
  RandomStream random(3, RandomPurpose::kTest);
  int stopped = 0;
  constexpr int kTrials = 4000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<Arm> arms(2);
    for (Arm& arm : arms) {
      Rung rung = {.samples = 1000, .correct = 0, .tested = 400};
      for (int i = 0; i < 400; ++i) rung.correct += random.NextFloat() < 0.8f;
      arm = ArmOf(1, {rung});
    }
    stopped += !HopelessArms(arms, kPareto).empty();
  }
  EXPECT_LT(stopped, kTrials / 100);
  EXPECT_GT(stopped, kTrials / 1000);
}

}  // namespace
}  // namespace torpor
