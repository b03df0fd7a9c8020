// Stopping early what cannot come out on top.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace torpor {

// What an arm had learned at one time.
struct Rung {
  // Samples trained so far.
  int64_t samples = 0;
  // Of how many held-out samples how many were right; tested >= 1.
  int64_t correct = 0;
  int64_t tested = 0;
};

// One of several networks in training. Memory and energy are known without training, or never.
struct Arm {
  double memory = 0;             // bytes
  std::optional<double> energy;  // joules a sample
  // By samples, ascending; an arm without rungs is neither stopped nor stops others.
  std::vector<Rung> rungs;
};

struct StoppingRule {
  enum class Goal {
    // A place in the Pareto set of accuracy, memory and energy (engine/power/frontier.h; an unknown
    // energy is worse than any known one).
    kPareto,
    // The highest reward, accuracy - mu * memory, for some mu >= 0; energy has no say. Every winner
    // is in the Pareto set of accuracy and memory, so this stops more.
    kReward,
  } goal = Goal::kPareto;
  // By how much accuracy more than the intervals an arm must be behind, >= 0.
  double margin = 0;
  // No arm is stopped before it has trained so many samples.
  int64_t min_samples = 0;
};

// The arms, ascending, that cannot reach the goal even if their accuracy is the upper end of its
// 95 % Wilson interval (engine/learn/metrics.h) plus the margin, and that of others the lower end
// of theirs. Ties are hope.
//
// An arm is judged by its latest rung, of s samples, against other arms at their last rung of at
// most s samples, or at their latest if its lower end is lower still: no arm is blamed for having
// trained less. What is assumed is that order at equal training stays: an arm that learns slowly at
// first and better later may be stopped wrongly, hence min_samples and margin. For one pair of arms
// of one true accuracy and equally many tests, disjoint intervals have a chance of about 0.6 %, not
// 5 %; it grows with the number of arms and rungs.
//
// The arm with the highest lower end at its latest rung is never stopped. O(arms^2).
std::vector<size_t> HopelessArms(std::span<const Arm> arms, const StoppingRule& rule);

}  // namespace torpor
