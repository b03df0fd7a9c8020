#include "client/cli/reproduce/figures.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/mode_levers.h"
#include "client/cli/report_plots.h"
#include "client/cli/reproduce/plot_series.h"
#include "client/cli/reproduce/plot_ticks.h"

namespace torpor::cli::reproduce {
namespace {

constexpr const char* kDrawn[] = {"accuracy", "nasp", "loss", "memory"};

// A policy looks the same in every plot; ways of being at equal power go by their order.
int LookOf(const std::string& column, size_t index) {
  constexpr const char* kPolicies[] = {"none",      "table",   "homogeneous",
                                       "empirical", "matched", "tuned"};
  for (size_t i = 0; i < std::size(kPolicies); ++i) {
    if (column == kPolicies[i]) return static_cast<int>(i);
  }
  if (absl::StartsWith(column, "tuned-") || absl::StartsWith(column, "homogeneous-")) return 6;
  return static_cast<int>(index % kLookCount);
}

Axis HorizontalAxis(const std::vector<const Row*>& rows, bool power) {
  std::set<double> values;
  for (const Row* row : rows) values.insert(row->place.x);
  // A margin of 0 has no place on a logarithmic axis.
  if (values.size() > 1 && *values.begin() <= 0) values.erase(values.begin());
  Axis axis = AxisOver(power ? kNaspLabel : LeverLabel(rows.front()->place.x_lever), values);
  // Labels of neighbours would touch.
  double last = -std::numeric_limits<double>::infinity();
  for (const double value : values) {
    if (axis.logarithmic ? value < 1.35 * last : value < last + 0.05) continue;
    axis.ticks.push_back(value);
    last = value;
  }
  if (axis.ticks.back() != *values.rbegin()) axis.ticks.back() = *values.rbegin();
  return axis;
}

// Per cent from a little below the least: networks that are all good differ in what is left.
Axis UpperAxis(const std::string& label, double least) {
  Axis axis;
  const double step = least < 90 ? 5 : least < 97 ? 2 : 1;
  const double lowest = step * std::floor((least - 0.2 * step) / step);
  axis.minimum = lowest;
  axis.maximum = 100;
  axis.label = absl::StrCat(label, ", from ", lowest);
  for (double tick = lowest; tick <= 100; tick += step) axis.ticks.push_back(tick);
  return axis;
}

Axis VerticalAxis(const std::string& metric, const std::vector<const Row*>& rows) {
  Axis axis;
  axis.minimum = 0;
  if (metric == "loss" || metric == "memory") {
    axis.label = metric == "loss" ? "loss (as in training)" : "memory (kB)";
    return axis;
  }
  axis.label = metric == "nasp" ? kNaspLabel : "accuracy on test images (%)";
  double highest = 0;
  double lowest = 100;
  for (const Row* row : rows) {
    highest = std::max(highest, 100 * *row->measured);
    lowest = std::min(lowest, 100 * *row->measured);
  }
  if (metric == "accuracy" && lowest >= 80) return UpperAxis(axis.label, lowest);
  // A bias may draw more than it saves.
  return highest > 104 ? axis : PercentAxis(axis.label);
}

std::string Caption(const std::string& metric, const std::vector<const Row*>& rows, bool power) {
  const int seeds = rows.front()->seeds;
  const char* kind = power ? " repetitions" : " seeds";
  const std::string over =
      seeds >= 3   ? absl::StrCat("Mean over ", seeds, kind, " with Student's 95 % interval.")
      : seeds == 1 ? "One seed; bars: 95 % interval over the samples."
                   : absl::StrCat("Mean over ", seeds, kind, ".");
  if (metric == "memory") return "Counted from the definitions; nothing was trained.";
  if (metric == "nasp") {
    return absl::StrCat(
        "Synaptic power relative to full power, inputs as each layer really sees "
        "them. ",
        over);
  }
  if (metric == "loss") {
    return absl::StrCat("Outputs may lose their meaning while the winner stays. ", over);
  }
  return over;
}

// More curves than this have no room for their names below.
constexpr size_t kMostBelow = 6;

// What all names begin with says nothing of a curve.
void ShortenNames(std::vector<Series>& series) {
  const std::string& first = series.front().name;
  size_t common = first.rfind(',') == std::string::npos ? 0 : first.find(',') + 1;
  for (const Series& each : series) {
    if (each.name.compare(0, common, first, 0, common) != 0) common = 0;
  }
  for (Series& each : series) each.name.erase(0, common);
}

void MakeRoomForNames(Plot& plot) {
  if (plot.series.size() <= kMostBelow) return;
  ShortenNames(plot.series);
  LegendBeside(960, plot);
}

Series& CurveOf(const std::string& column, Plot& plot) {
  return SeriesNamed(column, LookOf(column, plot.series.size()), plot);
}

Drawing Draw(const std::string& group, const std::string& metric,
             const std::vector<const Row*>& rows, size_t index) {
  Drawing drawing;
  Plot& plot = drawing.plot;
  const bool power = absl::StrContains(rows.front()->place.base_id, "mode=");
  plot = LegendBelow(absl::StrCat(metric, "-", index), group);
  plot.x = HorizontalAxis(rows, power);
  plot.y = VerticalAxis(metric, rows);
  for (const Row* row : rows) {
    CurveOf(row->place.column, plot).points.push_back(PointAt(row->place.x, *row));
  }
  MakeRoomForNames(plot);
  for (Series& series : plot.series) {
    std::stable_sort(series.points.begin(), series.points.end(),
                     [](const Point& a, const Point& b) { return a.x < b.x; });
  }
  drawing.caption = Caption(metric, rows, power);
  return drawing;
}

// Accuracy against the metric that it is paid with, where a group has both; no points otherwise.
// Widens the price's range to what is drawn.
Plot DrawAgainst(const std::string& price, const std::string& group,
                 const std::vector<const Row*>& accuracies, const std::vector<Row>& rows,
                 double& least, double& most) {
  Plot plot = LegendBelow("", group);
  plot.y = VerticalAxis("accuracy", accuracies);
  for (const Row* row : accuracies) {
    const Row* paid =
        FindMeasured(rows, row->place.dataset, absl::StrCat(row->place.base_id, ",metric=", price));
    if (paid == nullptr || !(*paid->measured > 0)) continue;
    const double value = ShownScale(paid->place.unit) * *paid->measured;
    CurveOf(row->place.column, plot).points.push_back({value, 100 * *row->measured, {}, {}});
    least = std::min(least, value);
    most = std::max(most, value);
  }
  return plot;
}

Drawing DrawTradeOff(const std::string& group, const std::vector<const Row*>& accuracies,
                     const std::vector<Row>& rows, size_t index) {
  double least = 100, most = 100;
  Drawing drawing;
  drawing.plot = DrawAgainst("nasp", group, accuracies, rows, least, most);
  drawing.plot.name = absl::StrCat("tradeoff-", index);
  drawing.plot.x = NaspAxis(0.9 * least, 1.1 * most);
  drawing.caption =
      "What a share of the power buys: up and to the left is better. One point a mode.";
  MakeRoomForNames(drawing.plot);
  return drawing;
}

Drawing DrawEnergy(const std::string& group, const std::vector<const Row*>& accuracies,
                   const std::vector<Row>& rows, size_t index) {
  double least = 1e9, most = 0;
  Drawing drawing;
  Plot& plot = drawing.plot;
  plot = DrawAgainst("joules", group, accuracies, rows, least, most);
  plot.name = absl::StrCat("energy-", index);
  plot.x.label = "simulated energy of an image (uJ)";
  plot.x.logarithmic = true;
  plot.x.minimum = 0.9 * least;
  plot.x.maximum = 1.1 * most;
  plot.x.ticks = DecadeTicks(least, most);
  drawing.caption = "Priced by a device profile, not measured: up and to the left is better.";
  MakeRoomForNames(plot);
  return drawing;
}

}  // namespace

Plot LegendBelow(const std::string& name, const std::string& title) {
  Plot plot;
  plot.name = name;
  plot.title = title;
  plot.legend = "outside bottom center horizontal height 1";
  plot.height = 450;
  return plot;
}

void LegendBeside(int width, Plot& plot) {
  plot.legend = "outside right top vertical Left reverse";
  plot.width = width;
}

Axis NaspAxis(double minimum, double maximum) {
  Axis axis;
  axis.label = kNaspLabel;
  axis.logarithmic = true;
  axis.minimum = minimum;
  axis.maximum = maximum;
  axis.ticks = RoundTicks(std::max(minimum, 0.5), std::min(maximum, 500.0));
  return axis;
}

std::vector<Drawing> DrawRows(const std::vector<Row>& rows) {
  // (group, metric) in the order of first appearance.
  std::vector<std::pair<std::string, std::string>> order;
  for (const Row& row : rows) {
    const bool drawn =
        std::find(std::begin(kDrawn), std::end(kDrawn), row.place.metric) != std::end(kDrawn);
    const std::pair<std::string, std::string> key(row.place.group, row.place.metric);
    if (!drawn || !row.measured || !std::isfinite(row.place.x)) continue;
    if (std::find(order.begin(), order.end(), key) == order.end()) order.push_back(key);
  }
  std::vector<Drawing> drawings;
  for (const auto& [group, metric] : order) {
    std::vector<const Row*> of_group;
    for (const Row& row : rows) {
      if (row.place.group == group && row.place.metric == metric && row.measured &&
          std::isfinite(row.place.x)) {
        of_group.push_back(&row);
      }
    }
    drawings.push_back(Draw(group, metric, of_group, drawings.size() + 1));
    if (metric != "accuracy") continue;
    Drawing trade_off = DrawTradeOff(group, of_group, rows, drawings.size() + 1);
    if (!trade_off.plot.series.empty()) drawings.push_back(std::move(trade_off));
    Drawing energy = DrawEnergy(group, of_group, rows, drawings.size() + 1);
    if (!energy.plot.series.empty()) drawings.push_back(std::move(energy));
  }
  return drawings;
}

}  // namespace torpor::cli::reproduce
