#include "engine/job/select_arms.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "engine/learn/intervals.h"
#include "engine/power/frontier.h"

namespace torpor {
namespace {

// Energies are equal within a step of this ratio.
constexpr double kEnergyStep = 1.05;

int64_t CorrectOf(const v1::SelectMeasurement& measured) {
  return std::llround(measured.accuracy() * static_cast<double>(measured.samples()));
}

std::string Percent(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

std::string Bytes(double bytes) {
  return bytes < 1e3   ? absl::StrFormat("%.4g B", bytes)
         : bytes < 1e6 ? absl::StrFormat("%.4g kB", bytes / 1e3)
                       : absl::StrFormat("%.4g MB", bytes / 1e6);
}

std::string Joules(double joules) {
  return joules < 1e-6   ? absl::StrFormat("%.4g nJ", joules * 1e9)
         : joules < 1e-3 ? absl::StrFormat("%.4g uJ", joules * 1e6)
                         : absl::StrFormat("%.4g mJ", joules * 1e3);
}

Limits LimitsOf(const v1::Limits& limits) {
  Limits out;
  if (limits.has_memory_bytes()) out.max_memory = limits.memory_bytes();
  if (limits.has_joules()) out.max_energy = limits.joules();
  // At least 0 is no limit.
  if (limits.has_accuracy() && limits.accuracy() > 0) out.min_accuracy = limits.accuracy();
  return out;
}

std::string MissText(const Miss& miss, const v1::Limits& limits) {
  switch (miss.of) {
    case Miss::Of::kMemory:
      return absl::StrCat("its memory is ", Bytes(*miss.by), " above ",
                          Bytes(limits.memory_bytes()));
    case Miss::Of::kEnergy:
      return miss.by ? absl::StrCat("its energy is ", Joules(*miss.by), " above ",
                                    Joules(limits.joules()))
                     : "its energy is unknown";
    case Miss::Of::kAccuracy:
      return absl::StrCat("its accuracy is ", absl::StrFormat("%.2f", 100 * *miss.by),
                          " points below ", Percent(limits.accuracy()));
  }
  return "";
}

std::string Verdict(const v1::SelectArm& arm, const Choice& choice, const v1::Limits& limits) {
  if (choice.missed.empty()) {
    return absl::StrCat("All limits are met; the most accurate arm within them is ", ArmName(arm),
                        ".");
  }
  std::vector<std::string> misses;
  for (const Miss& miss : choice.missed) misses.push_back(MissText(miss, limits));
  return absl::StrCat("No arm meets all limits; the nearest is ", ArmName(arm), ": ",
                      absl::StrJoin(misses, ", "), ".");
}

}  // namespace

std::vector<ArmOrigin> ArmsOf(const v1::SelectSpec& spec) {
  std::vector<ArmOrigin> arms;
  for (int c = 0; c < spec.candidates_size(); ++c) {
    for (int s = ArmOrigin::kOwnStorage; s < spec.storages_size(); ++s) arms.push_back({c, s});
  }
  return arms;
}

std::vector<TrainingGroup> TrainingsOf(const v1::SelectSpec& spec) {
  std::vector<TrainingGroup> own, others;
  const std::vector<ArmOrigin> arms = ArmsOf(spec);
  for (size_t i = 0; i < arms.size(); ++i) {
    const auto [candidate, storage] = arms[i];
    const int arm = static_cast<int>(i);
    if (storage == ArmOrigin::kOwnStorage) {
      own.push_back({candidate, storage, {arm}});
    } else if (spec.storages(storage).scheme() == v1::Scheme::IN_TRAINING) {
      others.push_back({candidate, storage, {arm}});
    } else {
      own.back().arms.push_back(arm);
    }
  }
  own.insert(own.end(), others.begin(), others.end());
  return own;
}

size_t ReferenceArm(const v1::SelectSpec& spec) {
  const size_t arms = 1 + static_cast<size_t>(spec.storages_size());
  for (int c = 0; c < spec.candidates_size(); ++c) {
    if (spec.candidates(c).name() == spec.reference()) return static_cast<size_t>(c) * arms;
  }
  return 0;
}

std::vector<uint64_t> SeedsOf(const v1::SelectSpec& spec) {
  if (spec.seeds().empty()) return {1};
  return {spec.seeds().begin(), spec.seeds().end()};
}

int64_t BatchEnd(int64_t samples, int64_t epoch_samples, int64_t batch) {
  const int64_t begin = samples / epoch_samples * epoch_samples;
  const int64_t rest = (samples - begin + batch - 1) / batch * batch;
  return begin + std::min(rest, epoch_samples);
}

double StoppingMargin(double share) { return 2 / (15 * share); }

Arm StoppingArm(const v1::SelectArm& arm, size_t seeds, bool exact_energy) {
  struct Sum {
    size_t seeds = 0;
    Rung rung;
    std::optional<double> joules = 0;
  };
  std::map<int64_t, Sum> by_training;
  for (const v1::SelectMeasurement& measured : arm.measurements()) {
    Sum& sum = by_training[measured.trained_samples()];
    ++sum.seeds;
    sum.rung.samples = measured.trained_samples();
    sum.rung.correct += CorrectOf(measured);
    sum.rung.tested += measured.samples();
    if (!measured.has_joules()) sum.joules.reset();
    if (sum.joules) *sum.joules += measured.joules();
  }
  Arm out;
  out.memory = arm.memory_bytes();
  for (const auto& [samples, sum] : by_training) {
    if (sum.seeds < seeds) continue;
    out.rungs.push_back(sum.rung);
    out.energy = sum.joules;
    if (out.energy) *out.energy /= static_cast<double>(seeds);
  }
  if (out.energy && *out.energy > 0 && !exact_energy) {
    out.energy = std::round(std::log(*out.energy) / std::log(kEnergyStep));
  }
  return out;
}

void SetFigures(v1::SelectArm& arm) {
  if (arm.measurements().empty()) return;
  std::vector<double> accuracies;
  std::optional<double> joules = 0;
  for (const v1::SelectMeasurement& measured : arm.measurements()) {
    accuracies.push_back(measured.accuracy());
    if (!measured.has_joules()) joules.reset();
    if (joules) *joules += measured.joules();
  }
  const v1::SelectMeasurement& first = arm.measurements(0);
  Interval interval = accuracies.size() > 1 ? StudentInterval(accuracies)
                                            : WilsonInterval(CorrectOf(first), first.samples());
  const double n = static_cast<double>(accuracies.size());
  double sum = 0;
  for (const double accuracy : accuracies) sum += accuracy;
  arm.set_accuracy(sum / n);
  arm.set_accuracy_low(std::max(0.0, interval.low));
  arm.set_accuracy_high(std::min(1.0, interval.high));
  arm.clear_joules();
  if (joules) arm.set_joules(*joules / n);
}

std::string CompareArms(const v1::SelectSpec& spec, std::vector<v1::SelectArm>& arms) {
  // Arms that came to their end, and their places in the table.
  std::vector<Candidate> finished;
  std::vector<size_t> places;
  for (size_t i = 0; i < arms.size(); ++i) {
    const v1::SelectArm& arm = arms[i];
    if (arm.has_error() || arm.measurements().empty()) continue;
    std::optional<double> joules;
    if (arm.has_joules()) joules = arm.joules();
    finished.push_back({arm.accuracy(), arm.memory_bytes(), joules});
    places.push_back(i);
  }
  if (finished.empty()) return "";
  for (const size_t k : ParetoSet(finished)) arms[places[k]].set_pareto(true);

  const double full_memory = arms[ReferenceArm(spec)].memory_bytes();
  // A network that stores nothing is no measure.
  if (full_memory > 0) {
    const auto intervals = RewardIntervals(finished, full_memory);
    for (size_t k = 0; k < intervals.size(); ++k) {
      if (!intervals[k]) continue;
      arms[places[k]].set_mu_low(intervals[k]->low);
      if (std::isfinite(intervals[k]->high)) arms[places[k]].set_mu_high(intervals[k]->high);
    }
  }
  const std::optional<Choice> choice = ChooseWithin(finished, LimitsOf(spec.limits()));
  v1::SelectArm& chosen = arms[places[choice->index]];
  chosen.set_chosen(true);
  const v1::Limits& limits = spec.limits();
  const bool limited = limits.has_memory_bytes() || limits.has_joules() || limits.has_accuracy();
  return limited ? Verdict(chosen, *choice, limits) : "";
}

std::string ArmName(const v1::SelectArm& arm) {
  if (!arm.has_storage()) return absl::StrCat(arm.candidate(), " in its own storage");
  const v1::Quantization& bits = arm.storage().quantization();
  std::vector<std::string> words = {arm.candidate()};
  if (bits.has_weight_bits()) words.push_back(absl::StrCat(bits.weight_bits(), "-bit weights"));
  if (bits.has_neuron_bits()) words.push_back(absl::StrCat(bits.neuron_bits(), "-bit neurons"));
  if (bits.rounding() != v1::Rounding::UNSPECIFIED) {
    words.push_back(absl::AsciiStrToLower(v1::Rounding::Kind_Name(bits.rounding())));
  }
  words.push_back(arm.storage().scheme() == v1::Scheme::IN_TRAINING ? "in-training"
                                                                    : "post-training");
  return absl::StrJoin(words, ", ");
}

}  // namespace torpor
