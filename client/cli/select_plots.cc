#include "client/cli/select_plots.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/select_rows.h"

namespace torpor::cli {
namespace {

// Beside the curves, where they hide nothing.
constexpr char kLegend[] = "outside right center";
constexpr int kWidth = 820;
constexpr int kBaselineLook = 6;
// Beyond it a network of M_0 would cost more than every answer being right is worth.
constexpr double kMostMu = 1;
constexpr double kKilobyte = 1e3, kMicrojoule = 1e-6;

bool Finished(const v1::SelectArm& arm) { return !arm.has_error() && !arm.measurements().empty(); }

bool QuantisesNeurons(const v1::SelectArm& arm) {
  return arm.storage().quantization().has_neuron_bits();
}

// What the horizontal axis counts: bits of a weight, or of a neuron's state where only that is
// quantised.
double BitsOf(const v1::SelectArm& arm) {
  const v1::Quantization& bits = arm.storage().quantization();
  return bits.has_weight_bits() ? bits.weight_bits() : bits.neuron_bits();
}

std::string ScopeName(bool neurons) { return neurons ? "qWN" : "qW"; }

// "PTQ, nearest".
std::string MethodName(const v1::SelectArm& arm) {
  const bool learns = arm.storage().scheme() == v1::Scheme::IN_TRAINING;
  const v1::Rounding::Kind rounding = arm.storage().quantization().rounding();
  return absl::StrCat(learns ? "ITQ" : "PTQ", ", ",
                      rounding == v1::Rounding::UNSPECIFIED
                          ? "nearest"
                          : absl::AsciiStrToLower(v1::Rounding::Kind_Name(rounding)));
}

// Equal methods look equal in all plots.
int MethodLook(const v1::SelectArm& arm) {
  const int rounding = std::max(1, static_cast<int>(arm.storage().quantization().rounding()));
  const int learns = arm.storage().scheme() == v1::Scheme::IN_TRAINING ? 3 : 0;
  return (learns + rounding - 1) % kBaselineLook;
}

Axis BitsAxis(const std::set<double>& bits) {
  Axis axis;
  axis.label = "precision (bits)";
  if (bits.empty()) return axis;
  axis.minimum = *bits.begin() - 0.5;
  axis.maximum = *bits.rbegin() + 0.5;
  axis.ticks.assign(bits.begin(), bits.end());
  return axis;
}

Plot Empty(const std::string& name, const std::string& title) {
  Plot plot;
  plot.name = name;
  plot.title = title;
  plot.width = kWidth;
  plot.legend = kLegend;
  return plot;
}

// 1, 2 and 5 times powers of ten.
std::vector<double> RoundTicks(double low, double high) {
  std::vector<double> ticks;
  for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high; decade *= 10) {
    for (const double factor : {1, 2, 5}) {
      const double tick = factor * decade;
      if (tick >= low && tick <= high) ticks.push_back(tick);
    }
  }
  return ticks;
}

// A line across at a height.
Series Across(const std::string& name, double height, const Axis& x) {
  Series line;
  line.name = name;
  line.style = Series::Style::kLine;
  line.look = kBaselineLook;
  line.points = {{*x.minimum, height, std::nullopt, std::nullopt},
                 {*x.maximum, height, std::nullopt, std::nullopt}};
  return line;
}

// One figure of an arm as a point over its bits; nothing where it is unknown.
using Height = std::function<std::optional<Point>(const v1::SelectArm&)>;

// For each candidate and scope a plot of a curve for each method.
std::vector<SelectPlot> ByBits(const v1::Job& job, const std::string& name,
                               const std::string& title, const std::string& label,
                               const std::string& caption, const Height& height) {
  std::vector<SelectPlot> plots;
  for (const v1::SelectArm& own : job.arms()) {
    if (own.has_storage()) continue;
    for (const bool neurons : {false, true}) {
      std::map<int, Series> curves;
      std::set<double> bits;
      for (const v1::SelectArm& arm : job.arms()) {
        if (arm.candidate() != own.candidate() || !arm.has_storage() || !Finished(arm) ||
            QuantisesNeurons(arm) != neurons) {
          continue;
        }
        std::optional<Point> point = height(arm);
        if (!point) continue;
        point->x = BitsOf(arm);
        bits.insert(point->x);
        Series& curve = curves[MethodLook(arm)];
        curve.name = MethodName(arm);
        curve.look = MethodLook(arm);
        curve.points.push_back(*point);
      }
      if (curves.empty()) continue;
      SelectPlot plot = {
          Empty(absl::StrCat(name, "-", own.candidate(), neurons ? "-qwn" : "-qw"),
                absl::StrCat(title, ": ", own.candidate(), ", ", ScopeName(neurons))),
          caption};
      plot.plot.x = BitsAxis(bits);
      plot.plot.y.label = label;
      for (auto& [look, curve] : curves) {
        std::stable_sort(curve.points.begin(), curve.points.end(),
                         [](const Point& a, const Point& b) { return a.x < b.x; });
        plot.plot.series.push_back(std::move(curve));
      }
      const std::optional<Point> baseline = Finished(own) ? height(own) : std::nullopt;
      if (baseline) plot.plot.series.push_back(Across("own storage", baseline->y, plot.plot.x));
      plots.push_back(std::move(plot));
    }
  }
  return plots;
}

}  // namespace

std::vector<SelectPlot> AccuracyByBits(const v1::Job& job) {
  return ByBits(
      job, "fig6-accuracy", "Accuracy by precision", "accuracy (%)",
      "After the paper's Fig. 6. Bars: 95 % intervals. Line across: the candidate in its "
      "own storage.",
      [](const v1::SelectArm& arm) -> std::optional<Point> {
        return Point{0, 100 * arm.accuracy(), 100 * arm.accuracy_low(), 100 * arm.accuracy_high()};
      });
}

std::vector<SelectPlot> EnergyByBits(const v1::Job& job) {
  std::vector<SelectPlot> plots =
      ByBits(job, "fig8-energy", "Energy by precision", "energy (uJ an inference)",
             "After the paper's Fig. 8: what an inference takes, by the device profile. Line "
             "across: the candidate in its own storage.",
             [](const v1::SelectArm& arm) -> std::optional<Point> {
               if (!arm.has_joules()) return std::nullopt;
               return Point{0, arm.joules() / kMicrojoule, std::nullopt, std::nullopt};
             });
  // From 0 on, so that what is saved is seen as a share.
  for (SelectPlot& plot : plots) plot.plot.y.minimum = 0;
  return plots;
}

std::vector<SelectPlot> MemoryByBits(const v1::Job& job) {
  // The memory of an arm follows from its network and its bits: by candidate, then scope, then
  // bits.
  std::map<std::string, std::map<bool, std::map<double, double>>> memory;
  std::map<std::string, double> own;
  std::vector<std::string> order;
  std::set<double> bits;
  for (const v1::SelectArm& arm : job.arms()) {
    if (!arm.has_storage()) {
      order.push_back(arm.candidate());
      own[arm.candidate()] = arm.memory_bytes() / kKilobyte;
      continue;
    }
    memory[arm.candidate()][QuantisesNeurons(arm)][BitsOf(arm)] = arm.memory_bytes() / kKilobyte;
    bits.insert(BitsOf(arm));
  }
  if (bits.empty()) return {};
  SelectPlot plot = {Empty("fig7-memory", "Memory by precision"),
                     "After the paper's Fig. 7: bytes that are stored, by its eq. 4. Lines across: "
                     "own storage."};
  plot.plot.x = BitsAxis(bits);
  plot.plot.y.label = "memory (kB)";
  plot.plot.y.minimum = 0;
  int look = 0;
  std::set<std::string> drawn;
  for (const std::string& candidate : order) {
    if (drawn.contains(candidate)) continue;
    std::vector<std::string> equals;
    for (const std::string& other : order) {
      if (own[other] != own[candidate] || memory[other] != memory[candidate]) continue;
      drawn.insert(other);
      equals.push_back(other);
    }
    std::string name = equals[0];
    if (equals.size() > 1) absl::StrAppend(&name, " and ", equals.size() - 1, " more");
    const int own_look = look % kBaselineLook;
    for (const auto& [neurons, curve] : memory[candidate]) {
      Series series;
      series.name = absl::StrCat(name, ", ", ScopeName(neurons));
      series.look = look++ % kBaselineLook;
      for (const auto& [x, y] : curve) series.points.push_back({x, y, std::nullopt, std::nullopt});
      plot.plot.series.push_back(std::move(series));
    }
    plot.plot.series.push_back(Across(absl::StrCat(name, ", own"), own[candidate], plot.plot.x));
    plot.plot.series.back().look = own_look;
  }
  return {plot};
}

std::vector<SelectPlot> RewardByMu(const v1::Job& job) {
  std::vector<const v1::SelectArm*> winners;
  double last = 0;
  for (const v1::SelectArm& arm : job.arms()) {
    if (!arm.has_mu_low()) continue;
    // Arms of one accuracy and memory share a line.
    const bool drawn = std::ranges::any_of(winners, [&](const v1::SelectArm* other) {
      return other->accuracy() == arm.accuracy() && other->memory_bytes() == arm.memory_bytes();
    });
    if (!drawn) winners.push_back(&arm);
    if (arm.mu_low() <= kMostMu) last = std::max(last, arm.mu_low());
  }
  if (winners.empty()) return {};
  std::ranges::sort(winners, {}, [](const v1::SelectArm* arm) { return arm->mu_low(); });
  // A little beyond the last change of winner that is drawn.
  const double end = last > 0 ? 1.25 * last : 1;
  const size_t all = winners.size();
  std::erase_if(winners, [end](const v1::SelectArm* arm) { return arm->mu_low() > end; });
  SelectPlot plot = {
      Empty("fig9-reward", "Reward of the arms that win somewhere"),
      "After the paper's Fig. 9, for all mu at once: R = accuracy - mu M / M_0, accuracy as a "
      "share. The thick line is the best that can be had; dotted: where the winner changes."};
  if (winners.size() < all) {
    absl::StrAppendFormat(&plot.caption, " %d more win for larger mu: see the table.",
                          all - winners.size());
  }
  plot.plot.width = kWidth + 160;
  plot.plot.x.label = "mu (accuracy for a memory of M_0)";
  plot.plot.x.minimum = 0;
  plot.plot.x.maximum = end;
  plot.plot.y.label = "reward R";
  Series envelope;
  envelope.name = "upper envelope";
  envelope.look = kBaselineLook;
  envelope.style = Series::Style::kThickLine;
  const auto at = [](const v1::SelectArm& arm, double mu) {
    return Point{mu, RewardOf(arm, mu), std::nullopt, std::nullopt};
  };
  for (size_t i = 0; i < winners.size(); ++i) {
    const v1::SelectArm& arm = *winners[i];
    envelope.points.push_back(at(arm, arm.mu_low()));
    if (arm.mu_low() > 0) plot.plot.marks.push_back({arm.mu_low(), ""});
    Series line;
    line.name = ArmText(arm);
    line.style = Series::Style::kLine;
    line.look = static_cast<int>(i) % kBaselineLook;
    line.points = {at(arm, 0), at(arm, end)};
    plot.plot.series.push_back(std::move(line));
  }
  envelope.points.push_back(at(*winners.back(), end));
  plot.plot.series.insert(plot.plot.series.begin(), std::move(envelope));
  return {plot};
}

std::vector<SelectPlot> AccuracyByMemory(const v1::Job& job) {
  std::map<int, Series> methods;
  Series pareto, chosen;
  pareto.name = "Pareto set";
  pareto.look = kBaselineLook;
  chosen.name = "chosen";
  chosen.look = 0;
  std::set<double> kilobytes;
  for (const v1::SelectArm& arm : job.arms()) {
    if (!Finished(arm)) continue;
    const Point point{arm.memory_bytes() / kKilobyte, 100 * arm.accuracy(), std::nullopt,
                      std::nullopt};
    kilobytes.insert(point.x);
    // What learns in few bits, what is stored in them afterwards, and what is neither.
    const int kind = !arm.has_storage()                                  ? 2
                     : arm.storage().scheme() == v1::Scheme::IN_TRAINING ? 1
                                                                         : 4;
    Series& series = methods[kind];
    series.name = kind == 2 ? "own storage" : kind == 1 ? "ITQ" : "PTQ";
    series.look = kind;
    series.points.push_back(point);
    if (arm.pareto()) pareto.points.push_back(point);
    if (arm.chosen()) chosen.points.push_back(point);
  }
  if (kilobytes.empty()) return {};
  SelectPlot plot = {
      Empty("fig9-pareto", "What memory buys"),
      "Up and to the left is better. Framed: no other arm is as good in accuracy, "
      "memory and energy and better in one; an arm may owe its frame to its energy."};
  const double least = *kilobytes.begin(), most = *kilobytes.rbegin();
  plot.plot.x.label = "memory (kB)";
  plot.plot.x.logarithmic = least > 0 && most / least > 4;
  plot.plot.x.minimum = plot.plot.x.logarithmic ? 0.8 * least : 0;
  plot.plot.x.maximum = (plot.plot.x.logarithmic ? 1.25 : 1.05) * most;
  if (most == 0) plot.plot.x.maximum = 1;
  if (plot.plot.x.logarithmic) {
    plot.plot.x.ticks = RoundTicks(*plot.plot.x.minimum, *plot.plot.x.maximum);
  }
  plot.plot.y.label = "accuracy (%)";
  for (auto& [kind, series] : methods) {
    series.style = Series::Style::kPoints;
    plot.plot.series.push_back(std::move(series));
  }
  pareto.style = Series::Style::kFrames;
  chosen.style = Series::Style::kFrames;
  plot.plot.series.push_back(std::move(pareto));
  plot.plot.series.push_back(std::move(chosen));
  return {plot};
}

}  // namespace torpor::cli
