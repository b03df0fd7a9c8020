#include "engine/power/noise.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/learn/intervals.h"
#include "engine/power/sample_run.h"

namespace torpor {
namespace {

constexpr double kDefaultLevels[] = {0.01, 0.03};
constexpr int kDefaultSeeds = 5;
constexpr int kMaximumLevels = 100;
constexpr int kMaximumSeeds = 1000;

v1::NoiseAccuracy Summary(double level, const std::vector<int64_t>& correct, int64_t samples) {
  std::vector<double> shares;
  double sum = 0;
  for (const int64_t count : correct) {
    shares.push_back(static_cast<double>(count) / static_cast<double>(samples));
    sum += shares.back();
  }
  const Interval interval =
      shares.size() == 1 ? WilsonInterval(correct[0], samples) : StudentInterval(shares);
  v1::NoiseAccuracy summary;
  summary.set_level(level);
  summary.set_accuracy(sum / static_cast<double>(shares.size()));
  summary.set_low(std::max(0.0, interval.low));
  summary.set_high(std::min(1.0, interval.high));
  summary.set_seeds(static_cast<int>(shares.size()));
  return summary;
}

}  // namespace

NoisePlan PlanOf(const v1::NoiseSpec& spec) {
  NoisePlan plan;
  plan.seeds = spec.seeds() > 0 ? spec.seeds() : kDefaultSeeds;
  if (spec.without()) return plan;
  if (spec.levels().empty()) {
    plan.levels.assign(std::begin(kDefaultLevels), std::end(kDefaultLevels));
  } else {
    plan.levels.assign(spec.levels().begin(), spec.levels().end());
  }
  return plan;
}

NoisePlan PlanFor(const v1::NoiseSpec& spec, const Model& model) {
  NoisePlan plan = PlanOf(spec);
  if (spec.levels().empty() && !model.noise_is_usual()) plan.levels.clear();
  return plan;
}

void CheckNoise(const v1::NoiseSpec& spec, const std::string& path, Violations& violations) {
  if (spec.levels_size() > kMaximumLevels) {
    violations.Add(path + "levels", absl::StrCat("must have at most ", kMaximumLevels,
                                                 " values, got ", spec.levels_size()));
  }
  for (int i = 0; i < spec.levels_size(); ++i) {
    const double level = spec.levels(i);
    if (!(level > 0 && level <= 10)) {  // so written that NaN is refused
      violations.Add(absl::StrCat(path, "levels[", i, "]"),
                     absl::StrCat("must be in (0, 10], got ", level));
    }
  }
  if (spec.seeds() < 0 || spec.seeds() > kMaximumSeeds) {
    violations.Add(path + "seeds",
                   absl::StrCat("must be in 0..", kMaximumSeeds, ", got ", spec.seeds()));
  }
  if (spec.without() && !spec.levels().empty()) {
    violations.Add(path + "levels", "must be empty where `without` is set");
  }
}

uint64_t NoiseSeed(uint64_t realisation_seed, int k) {
  return RandomStream(realisation_seed, RandomPurpose::kNoiseSeeds, 0, static_cast<uint64_t>(k))
      .NextU64();
}

bool HasNoiseUnit(const Model& model) {
  v1::Realisation noisy;
  noisy.set_column_noise(1);
  return !model.calibration().dataset_digest().empty() && model.CheckHardware(noisy).ok();
}

absl::StatusOr<std::vector<v1::NoiseAccuracy>> MeasureNoise(
    const Model& model, const v1::PowerMode& mode, const v1::Realisation& realisation,
    const NoisePlan& plan, const Dataset& data, ThreadPool* pool, const Cancellation& cancellation,
    const std::function<void()>& after_pass) {
  std::vector<v1::NoiseAccuracy> levels;
  if (!HasNoiseUnit(model)) return levels;
  for (const double level : plan.levels) {
    std::vector<int64_t> correct;
    for (int k = 0; k < plan.seeds; ++k) {
      v1::Realisation noisy = realisation;
      noisy.set_column_noise(level);
      noisy.set_seed(NoiseSeed(realisation.seed(), k));
      TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> deployment,
                              model.Deploy(mode, noisy));
      TORPOR_ASSIGN_OR_RETURN(const int64_t count,
                              CountCorrect(*deployment, data, pool, cancellation));
      correct.push_back(count);
      if (after_pass) after_pass();
    }
    levels.push_back(Summary(level, correct, data.size()));
  }
  return levels;
}

}  // namespace torpor
