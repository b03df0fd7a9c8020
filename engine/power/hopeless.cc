#include "engine/power/hopeless.h"

#include <algorithm>
#include <limits>

#include "engine/base/status.h"
#include "engine/learn/metrics.h"

namespace torpor {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Interval AccuracyOf(const Rung& rung) { return WilsonInterval(rung.correct, rung.tested); }

// A lower end of what the arm reaches with `samples` of training; none if it has no rung so early.
std::optional<double> Worst(const Arm& arm, int64_t samples) {
  const auto after = std::find_if(arm.rungs.begin(), arm.rungs.end(),
                                  [samples](const Rung& rung) { return rung.samples > samples; });
  if (after == arm.rungs.begin()) return std::nullopt;
  return std::min(AccuracyOf(*(after - 1)).low, AccuracyOf(arm.rungs.back()).low);
}

// The mu for which an arm has not lost yet.
struct Hope {
  double low = 0;
  double high = kInfinity;
  bool any() const { return low <= high; }

  // Leaves those with best - mu * memory >= worst - mu * other_memory.
  void Against(double best, double memory, double worst, double other_memory) {
    const double more = memory - other_memory;
    if (more > 0) {
      high = std::min(high, (best - worst) / more);
    } else if (more < 0) {
      low = std::max(low, (best - worst) / more);
    } else if (best < worst) {
      high = -kInfinity;
    }
  }
};

bool IsHopeless(std::span<const Arm> arms, size_t i, const StoppingRule& rule) {
  const Arm& arm = arms[i];
  if (arm.rungs.empty() || arm.rungs.back().samples < rule.min_samples) return false;
  const double best = AccuracyOf(arm.rungs.back()).high + rule.margin;
  Hope hope;
  for (size_t j = 0; j < arms.size(); ++j) {
    const std::optional<double> worst = Worst(arms[j], arm.rungs.back().samples);
    if (j == i || !worst) continue;
    if (rule.goal == StoppingRule::Goal::kReward) {
      hope.Against(best, arm.memory, *worst, arms[j].memory);
    } else if (*worst > best && arms[j].memory <= arm.memory &&
               arms[j].energy.value_or(kInfinity) <= arm.energy.value_or(kInfinity)) {
      return true;
    }
  }
  return !hope.any();
}

}  // namespace

std::vector<size_t> HopelessArms(std::span<const Arm> arms, const StoppingRule& rule) {
  TORPOR_CHECK(rule.margin >= 0);
  for (const Arm& arm : arms) {
    TORPOR_CHECK(
        std::is_sorted(arm.rungs.begin(), arm.rungs.end(),
                       [](const Rung& a, const Rung& b) { return a.samples < b.samples; }));
  }
  std::vector<size_t> hopeless;
  for (size_t i = 0; i < arms.size(); ++i) {
    if (IsHopeless(arms, i, rule)) hopeless.push_back(i);
  }
  return hopeless;
}

}  // namespace torpor
