#include "engine/power/frontier.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Smaller is better in each place.
auto Rank(const Candidate& candidate) {
  return std::tuple(-candidate.accuracy, candidate.memory, candidate.energy.value_or(kInfinity));
}

std::vector<size_t> Indices(size_t n) {
  std::vector<size_t> indices(n);
  std::iota(indices.begin(), indices.end(), size_t{0});
  return indices;
}

Choice Measure(std::span<const Candidate> candidates, size_t index, const Limits& limits) {
  Choice choice = {.index = index, .missed = {}, .distance = 0};
  double squares = 0;
  const auto miss = [&](Miss::Of of, double by, double limit) {
    if (!(by > 0)) return;
    choice.missed.push_back({of, by});
    squares += (by / limit) * (by / limit);
  };
  const Candidate& candidate = candidates[index];
  if (limits.max_memory) {
    miss(Miss::Of::kMemory, candidate.memory - *limits.max_memory, *limits.max_memory);
  }
  if (limits.max_energy) {
    if (candidate.energy) {
      miss(Miss::Of::kEnergy, *candidate.energy - *limits.max_energy, *limits.max_energy);
    } else {
      choice.missed.push_back({Miss::Of::kEnergy, std::nullopt});
    }
  }
  if (limits.min_accuracy) {
    miss(Miss::Of::kAccuracy, *limits.min_accuracy - candidate.accuracy, *limits.min_accuracy);
  }
  choice.distance = std::sqrt(squares);
  return choice;
}

int64_t UnknownMisses(const Choice& choice) {
  return std::count_if(choice.missed.begin(), choice.missed.end(),
                       [](const Miss& miss) { return !miss.by.has_value(); });
}

}  // namespace

double Reward(const Candidate& candidate, double mu, double full_memory) {
  return candidate.accuracy - mu * (candidate.memory / full_memory);
}

std::vector<std::optional<MuInterval>> RewardIntervals(std::span<const Candidate> candidates,
                                                       double full_memory) {
  TORPOR_CHECK(full_memory > 0);
  std::vector<std::optional<MuInterval>> intervals(candidates.size());
  std::vector<size_t> order = Indices(candidates.size());
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tuple(-candidates[a].accuracy, candidates[a].memory) <
           std::tuple(-candidates[b].accuracy, candidates[b].memory);
  });

  // Winners from mu = 0 on, each with the mu at which it takes over: a walk along the upper hull of
  // the points (memory, accuracy) from the most accurate one down.
  struct Winner {
    size_t index;
    double from;
  };
  std::vector<Winner> winners;
  // The mu from which on `next`, worse and smaller, beats `now`.
  const auto crossing = [&](const Candidate& now, const Candidate& next) {
    return (now.accuracy - next.accuracy) / (now.memory - next.memory) * full_memory;
  };
  for (size_t i : order) {
    const Candidate& next = candidates[i];
    // Larger than, or as large as, one that is at least as accurate.
    if (!winners.empty() && next.memory >= candidates[winners.back().index].memory) continue;
    double from = 0;
    while (!winners.empty()) {
      from = crossing(candidates[winners.back().index], next);
      if (from > winners.back().from) break;
      // Beaten before it takes over. The first winner is as accurate as none after it.
      winners.pop_back();
      from = 0;
    }
    winners.push_back({i, from});
  }
  for (size_t k = 0; k < winners.size(); ++k) {
    intervals[winners[k].index] =
        MuInterval{winners[k].from, k + 1 < winners.size() ? winners[k + 1].from : kInfinity};
  }
  // Sorted, equal candidates follow the first of them.
  for (size_t k = 1; k < order.size(); ++k) {
    const Candidate& before = candidates[order[k - 1]];
    const Candidate& here = candidates[order[k]];
    if (before.accuracy == here.accuracy && before.memory == here.memory) {
      intervals[order[k]] = intervals[order[k - 1]];
    }
  }
  return intervals;
}

std::vector<size_t> ParetoSet(std::span<const Aim> aims,
                              std::span<const std::optional<double>> values) {
  const size_t m = aims.size();
  TORPOR_CHECK(m > 0 && values.size() % m == 0);
  // All to be made small.
  std::vector<double> costs(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double sign = aims[i % m] == Aim::kMost ? -1 : 1;
    costs[i] = values[i] ? sign * *values[i] : kInfinity;
  }
  const auto row = [&](size_t i) { return std::span(costs).subspan(i * m, m); };
  std::vector<size_t> order = Indices(values.size() / m);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::ranges::lexicographical_compare(row(a), row(b));
  });
  // Who dominates comes first in this order, and whoever is dominated is so by one that is kept.
  std::vector<size_t> kept;
  for (size_t i : order) {
    const bool dominated = std::any_of(kept.begin(), kept.end(), [&](size_t k) {
      return std::ranges::equal(row(k), row(i), std::less_equal<>()) &&
             !std::ranges::equal(row(k), row(i));
    });
    if (!dominated) kept.push_back(i);
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

std::vector<size_t> ParetoSet(std::span<const Candidate> candidates) {
  std::vector<std::optional<double>> values;
  values.reserve(3 * candidates.size());
  for (const Candidate& each : candidates) {
    values.insert(values.end(), {each.accuracy, each.memory, each.energy});
  }
  constexpr Aim kAims[] = {Aim::kMost, Aim::kLeast, Aim::kLeast};
  return ParetoSet(kAims, values);
}

std::optional<Choice> ChooseWithin(std::span<const Candidate> candidates, const Limits& limits) {
  TORPOR_CHECK(limits.max_memory.value_or(1) > 0 && limits.max_energy.value_or(1) > 0 &&
               limits.min_accuracy.value_or(1) > 0);
  std::optional<Choice> best;
  const auto rank = [&](const Choice& choice) {
    return std::tuple(!choice.missed.empty(), UnknownMisses(choice), choice.distance,
                      Rank(candidates[choice.index]));
  };
  for (size_t i = 0; i < candidates.size(); ++i) {
    Choice choice = Measure(candidates, i, limits);
    // Strictly, so that the lower index stays.
    if (!best || rank(choice) < rank(*best)) best = std::move(choice);
  }
  return best;
}

}  // namespace torpor
