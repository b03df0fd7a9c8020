// Choosing among measured candidates: by reward, by Pareto dominance, under limits. Plain
// mathematics of accuracy, memory and energy; what a candidate is, nobody here knows. All functions
// are pure and give the same answer every time: a tie goes to the higher accuracy, then to less
// memory, then to less energy (a known one before an unknown), then to the lower index.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace torpor {

// Finite numbers.
struct Candidate {
  // Share of correct classes, 0..1.
  double accuracy = 0;
  // Bytes.
  double memory = 0;
  // Joules a sample; none where nobody knows.
  std::optional<double> energy;
};

// tinySNN, eq. 3: R = accuracy - mu * memory / full_memory, accuracy as a share (not in percent).
// full_memory is that of the network that memory is compared with, > 0.
double Reward(const Candidate& candidate, double mu, double full_memory);

// Closed; the ends belong to the neighbours as well. `high` may be infinite.
struct MuInterval {
  double low = 0;
  double high = 0;
};

// For each candidate the mu >= 0 for which its reward is the highest, all at once: the upper
// envelope of the lines R(mu). None for a candidate that wins nowhere, or only in a tie at a single
// mu. Together the intervals cover [0, infinity), accuracy and memory falling as mu grows;
// candidates of one accuracy and memory share theirs. O(n log n). Ends are as exact as double.
std::vector<std::optional<MuInterval>> RewardIntervals(std::span<const Candidate> candidates,
                                                       double full_memory);

enum class Aim { kMost, kLeast };

// The candidates, ascending, that no other dominates: is as good in every objective and better in
// one. values[i * aims.size() + j] is objective j of candidate i. An unknown value counts as worse
// than every known one and equal to another unknown: whoever does not know it stays for its other
// objectives alone, and never pushes out one that does; an objective that nobody knows has no say.
// Equal candidates stay together. O(n * (log n + kept) * objectives).
std::vector<size_t> ParetoSet(std::span<const Aim> aims,
                              std::span<const std::optional<double>> values);

// By accuracy, memory and energy.
std::vector<size_t> ParetoSet(std::span<const Candidate> candidates);

// What a user allows; none where that does not matter. Each > 0.
struct Limits {
  std::optional<double> max_memory;    // bytes
  std::optional<double> max_energy;    // joules a sample
  std::optional<double> min_accuracy;  // share
};

struct Miss {
  enum class Of { kMemory, kEnergy, kAccuracy } of = Of::kMemory;
  // How far beyond the limit, > 0, in its unit. None for an unknown energy, which meets no limit.
  std::optional<double> by;
};

struct Choice {
  size_t index = 0;
  // Empty where the candidate is within all limits; else in the order memory, energy, accuracy.
  std::vector<Miss> missed;
  // 0 within the limits. Else the root of the sum of squares of by / limit over the limits missed,
  // those missed by an unknown amount left out.
  double distance = 0;
};

// The most accurate candidate within the limits. If there is none, the one with the fewest misses
// of unknown size, of these the nearest by `distance`. None if there are no candidates.
std::optional<Choice> ChooseWithin(std::span<const Candidate> candidates, const Limits& limits);

}  // namespace torpor
