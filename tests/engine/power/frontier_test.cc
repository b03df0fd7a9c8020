#include "engine/power/frontier.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include "engine/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Few different values, so that ties, equal candidates and lines through one point are frequent;
// all sums and products of them are exact in double.
std::vector<Candidate> RandomCandidates(RandomStream& random, size_t n, uint64_t values) {
  std::vector<Candidate> candidates(n);
  for (Candidate& each : candidates) {
    each.accuracy = static_cast<double>(random.NextBelow(values)) / 64;
    each.memory = static_cast<double>(1 + random.NextBelow(values));
    if (random.NextBelow(4) != 0) each.energy = static_cast<double>(1 + random.NextBelow(values));
  }
  return candidates;
}

size_t WinnerAt(const std::vector<Candidate>& candidates, double mu, double full_memory) {
  size_t best = 0;
  const auto rank = [&](size_t i) {
    return std::tuple(-Reward(candidates[i], mu, full_memory), -candidates[i].accuracy,
                      candidates[i].memory, i);
  };
  for (size_t i = 1; i < candidates.size(); ++i) {
    if (rank(i) < rank(best)) best = i;
  }
  return best;
}

TEST(RewardIntervalsTest, ThreeWinnersAndALoserByHand) {
  // The third is below the line between its neighbours.
  const std::vector<Candidate> candidates = {
      {.accuracy = 0.9, .memory = 100, .energy = {}}, {.accuracy = 0.5, .memory = 10, .energy = {}},
      {.accuracy = 0.6, .memory = 50, .energy = {}},  {.accuracy = 0.8, .memory = 50, .energy = {}},
      {.accuracy = 0.8, .memory = 60, .energy = {}},
  };
  const auto intervals = RewardIntervals(candidates, 200);
  // 0.1 / 50 * 200 and 0.3 / 40 * 200.
  ASSERT_TRUE(intervals[0] && intervals[3] && intervals[1]);
  EXPECT_EQ(intervals[0]->low, 0);
  EXPECT_NEAR(intervals[0]->high, 0.4, 1e-12);
  EXPECT_EQ(intervals[3]->low, intervals[0]->high);
  EXPECT_NEAR(intervals[3]->high, 1.5, 1e-12);
  EXPECT_EQ(intervals[1]->low, intervals[3]->high);
  EXPECT_EQ(intervals[1]->high, kInfinity);
  EXPECT_FALSE(intervals[2]);
  EXPECT_FALSE(intervals[4]);
}

TEST(RewardIntervalsTest, TiesAtASingleMuAreNoWins) {
  const auto intervals = RewardIntervals(
      std::vector<Candidate>{
          {.accuracy = 0.75, .memory = 3, .energy = {}},
          {.accuracy = 0.5, .memory = 2, .energy = {}},  // through the crossing of its neighbours
          {.accuracy = 0.25, .memory = 1, .energy = {}},
          {.accuracy = 0.75, .memory = 4, .energy = {}},  // best at mu = 0, as the first is
          {.accuracy = 0.75, .memory = 3, .energy = 1}},  // equal to the first
      1);
  ASSERT_TRUE(intervals[0] && intervals[2] && intervals[4]);
  EXPECT_EQ(intervals[0]->high, 0.25);
  EXPECT_EQ(intervals[2]->low, 0.25);
  EXPECT_EQ(intervals[4]->high, 0.25);
  EXPECT_FALSE(intervals[1]);
  EXPECT_FALSE(intervals[3]);
  EXPECT_THAT(RewardIntervals({}, 1), IsEmpty());
}

TEST(RewardIntervalsTest, AgreeWithEveryMuTried) {
  RandomStream random(1, RandomPurpose::kTest);
  for (int round = 0; round < 300; ++round) {
    const uint64_t values = round % 3 == 0 ? 5 : round % 3 == 1 ? 20 : 1000;
    const auto candidates = RandomCandidates(random, 1 + random.NextBelow(40), values);
    constexpr double kFull = 64;
    const auto intervals = RewardIntervals(candidates, kFull);
    const auto same = [&](size_t a, size_t b) {
      return candidates[a].accuracy == candidates[b].accuracy &&
             candidates[a].memory == candidates[b].memory;
    };
    // Steps of 2^-6 keep all rewards exact; small and large mu besides.
    for (int k = 0; k <= 1000; ++k) {
      const double mu = k < 900 ? k / 64.0 : std::ldexp(1.0, (k - 900) / 2 - 25);
      const size_t winner = WinnerAt(candidates, mu, kFull);
      ASSERT_TRUE(intervals[winner]) << mu;
      ASSERT_LE(intervals[winner]->low, mu * (1 + 1e-12));
      ASSERT_GE(intervals[winner]->high, mu * (1 - 1e-12));
      for (size_t i = 0; i < candidates.size(); ++i) {
        const bool inside = intervals[i] && intervals[i]->low < mu * (1 - 1e-12) &&
                            mu * (1 + 1e-12) < intervals[i]->high;
        if (inside) {
          ASSERT_TRUE(same(i, winner)) << mu;
        }
        if (same(i, winner)) {
          ASSERT_TRUE(intervals[i].has_value());
        }
      }
    }
    // No interval is a point, none is missing between them.
    std::vector<MuInterval> ordered;
    for (size_t i = 0; i < intervals.size(); ++i) {
      bool first = intervals[i].has_value();
      for (size_t j = 0; j < i; ++j) first = first && !same(i, j);
      if (first) ordered.push_back(*intervals[i]);
    }
    std::sort(ordered.begin(), ordered.end(),
              [](const MuInterval& a, const MuInterval& b) { return a.low < b.low; });
    ASSERT_EQ(ordered.front().low, 0);
    ASSERT_EQ(ordered.back().high, kInfinity);
    for (size_t k = 0; k < ordered.size(); ++k) {
      ASSERT_LT(ordered[k].low, ordered[k].high);
      if (k > 0) {
        ASSERT_EQ(ordered[k].low, ordered[k - 1].high);
      }
    }
  }
}

TEST(RewardIntervalsTest, TheWinnersAreInTheParetoSet) {
  RandomStream random(2, RandomPurpose::kTest);
  for (int round = 0; round < 100; ++round) {
    auto candidates = RandomCandidates(random, 30, 30);
    for (Candidate& each : candidates) each.energy.reset();
    const auto intervals = RewardIntervals(candidates, 3);
    const std::vector<size_t> pareto = ParetoSet(candidates);
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (intervals[i]) {
        EXPECT_THAT(pareto, ::testing::Contains(i));
      }
    }
  }
}

TEST(ParetoSetTest, AgreesWithAllPairs) {
  RandomStream random(3, RandomPurpose::kTest);
  for (int round = 0; round < 400; ++round) {
    const size_t m = 1 + random.NextBelow(4), n = random.NextBelow(40);
    std::vector<Aim> aims(m);
    for (Aim& aim : aims) aim = random.NextBelow(2) == 0 ? Aim::kMost : Aim::kLeast;
    std::vector<std::optional<double>> values(n * m);
    for (auto& value : values) {
      if (random.NextBelow(5) != 0) value = static_cast<double>(random.NextBelow(6)) - 3;
    }
    // The rule, word by word.
    const auto as_good = [&](size_t a, size_t b, size_t j) {
      const auto &x = values[a * m + j], &y = values[b * m + j];
      if (!y) return true;
      if (!x) return false;
      return aims[j] == Aim::kMost ? *x >= *y : *x <= *y;
    };
    std::vector<size_t> wanted;
    for (size_t i = 0; i < n; ++i) {
      bool dominated = false;
      for (size_t k = 0; k < n; ++k) {
        bool all = true, better = false;
        for (size_t j = 0; j < m; ++j) {
          all = all && as_good(k, i, j);
          better = better || !as_good(i, k, j);
        }
        dominated = dominated || (all && better);
      }
      if (!dominated) wanted.push_back(i);
    }
    ASSERT_EQ(ParetoSet(aims, values), wanted);
  }
}

TEST(ParetoSetTest, WhoeverDoesNotKnowItsEnergyPushesOutNobodyThatDoes) {
  const std::vector<Candidate> candidates = {
      {.accuracy = 0.9, .memory = 10, .energy = 5},
      {.accuracy = 0.9, .memory = 10, .energy = {}},   // as good, but unknown
      {.accuracy = 0.95, .memory = 10, .energy = {}},  // stays for its accuracy
      {.accuracy = 0.9, .memory = 11, .energy = 6},    // dominated by the first
  };
  EXPECT_THAT(ParetoSet(candidates), ElementsAre(0, 2));
  // Those that know keep their places if the others leave.
  EXPECT_THAT(ParetoSet(std::vector<Candidate>{candidates[0], candidates[3]}), ElementsAre(0));
}

TEST(ChooseWithinTest, TheMostAccurateWithinTheLimits) {
  const std::vector<Candidate> candidates = {
      {.accuracy = 0.9, .memory = 100, .energy = 3}, {.accuracy = 0.8, .memory = 50, .energy = 2},
      {.accuracy = 0.8, .memory = 40, .energy = {}}, {.accuracy = 0.8, .memory = 40, .energy = 9},
      {.accuracy = 0.8, .memory = 40, .energy = 9},
  };
  EXPECT_EQ(ChooseWithin(candidates, {})->index, 0u);
  EXPECT_EQ(
      ChooseWithin(candidates, {.max_memory = 100, .max_energy = {}, .min_accuracy = 0.9})->index,
      0u);
  // A tie goes to less memory, then to the energy that is known, then to the first.
  const auto tie =
      ChooseWithin(candidates, {.max_memory = 60, .max_energy = {}, .min_accuracy = {}});
  EXPECT_EQ(tie->index, 3u);
  EXPECT_THAT(tie->missed, IsEmpty());
  EXPECT_EQ(tie->distance, 0);
  // An unknown energy is under no limit, however high.
  EXPECT_EQ(ChooseWithin(std::span(candidates).subspan(1, 2),
                         {.max_memory = {}, .max_energy = 1e9, .min_accuracy = {}})
                ->index,
            0u);
  EXPECT_FALSE(ChooseWithin({}, {}));
}

TEST(ChooseWithinTest, OtherwiseTheNearestAndByHowMuchItMisses) {
  const std::vector<Candidate> candidates = {
      {.accuracy = 0.9, .memory = 100, .energy = 4},
      {.accuracy = 0.6, .memory = 60, .energy = 3},
      {.accuracy = 0.9, .memory = 51, .energy = {}},
  };
  const auto choice =
      ChooseWithin(candidates, {.max_memory = 50, .max_energy = 3, .min_accuracy = 0.8});
  // Misses of 0.2 and 0.25 against 1 and 0.33; the last would be nearest but for what is unknown.
  EXPECT_EQ(choice->index, 1u);
  ASSERT_EQ(choice->missed.size(), 2u);
  EXPECT_EQ(choice->missed[0].of, Miss::Of::kMemory);
  EXPECT_DOUBLE_EQ(*choice->missed[0].by, 10);
  EXPECT_EQ(choice->missed[1].of, Miss::Of::kAccuracy);
  EXPECT_NEAR(*choice->missed[1].by, 0.2, 1e-12);
  EXPECT_NEAR(choice->distance, std::hypot(0.2, 0.25), 1e-12);

  const auto unknown = ChooseWithin(std::span(candidates).subspan(2),
                                    {.max_memory = 50, .max_energy = 3, .min_accuracy = {}});
  ASSERT_EQ(unknown->missed.size(), 2u);
  EXPECT_EQ(unknown->missed[1].of, Miss::Of::kEnergy);
  EXPECT_FALSE(unknown->missed[1].by);
  EXPECT_NEAR(unknown->distance, 0.02, 1e-12);
}

TEST(ChooseWithinTest, AgreesWithTryingAll) {
  RandomStream random(4, RandomPurpose::kTest);
  int within = 0, outside = 0;
  for (int round = 0; round < 500; ++round) {
    const auto candidates = RandomCandidates(random, 1 + random.NextBelow(12), 20);
    Limits limits;
    if (random.NextBelow(3) != 0) limits.max_memory = static_cast<double>(1 + random.NextBelow(15));
    if (random.NextBelow(3) != 0) limits.max_energy = static_cast<double>(1 + random.NextBelow(15));
    if (random.NextBelow(3) != 0) limits.min_accuracy = 0.01 + 0.3 * random.NextDouble();
    const auto meets = [&](const Candidate& c) {
      return !(limits.max_memory && c.memory > *limits.max_memory) &&
             !(limits.max_energy && (!c.energy || *c.energy > *limits.max_energy)) &&
             !(limits.min_accuracy && c.accuracy < *limits.min_accuracy);
    };
    const Choice choice = *ChooseWithin(candidates, limits);
    const Candidate& chosen = candidates[choice.index];
    const bool any = std::any_of(candidates.begin(), candidates.end(), meets);
    ASSERT_EQ(choice.missed.empty(), any);
    ASSERT_EQ(meets(chosen), any);
    ++(any ? within : outside);
    if (!any) {
      // The fewest unknowns, then the least distance.
      const auto distance = [&](const Candidate& c) {
        const auto beyond = [](std::optional<double> limit, double over) {
          return limit ? std::max(0.0, over / *limit) : 0.0;
        };
        const bool unknown = limits.max_energy && !c.energy;
        return std::pair(
            unknown,
            std::hypot(beyond(limits.max_memory, c.memory - limits.max_memory.value_or(0)),
                       unknown ? 0
                               : beyond(limits.max_energy,
                                        c.energy.value_or(0) - limits.max_energy.value_or(0)),
                       beyond(limits.min_accuracy, limits.min_accuracy.value_or(0) - c.accuracy)));
      };
      ASSERT_NEAR(choice.distance, distance(chosen).second, 1e-12);
      for (const Candidate& other : candidates) {
        ASSERT_LE(distance(chosen).first, distance(other).first);
        if (distance(chosen).first == distance(other).first) {
          ASSERT_LE(distance(chosen).second, distance(other).second + 1e-12);
        }
      }
      continue;
    }
    for (const Candidate& other : candidates) {
      if (!meets(other)) continue;
      ASSERT_GE(chosen.accuracy, other.accuracy);
      if (chosen.accuracy == other.accuracy) {
        ASSERT_LE(chosen.memory, other.memory);
      }
    }
  }
  EXPECT_GT(within, 100);
  EXPECT_GT(outside, 50);
}

}  // namespace
}  // namespace torpor
