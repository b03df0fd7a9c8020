#include "client/cli/reproduce/figures.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/mode_levers.h"
#include "client/cli/report_plots.h"

namespace torpor::cli::reproduce {
namespace {

constexpr const char* kDrawn[] = {"accuracy", "nasp", "loss", "memory"};

// From a row's value to what is drawn: per cent, kilobytes.
double ScaleOf(const std::string& metric) {
  if (metric == "loss") return 1;
  return metric == "memory" ? 1e-3 : 100;
}

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
  Axis axis = AxisOver(power ? kNaspLabel : LeverLabel(rows.front()->place.x_lever), values);
  // Labels of neighbours would touch.
  double last = 0;
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

void LegendBeside(Plot& plot) {
  ShortenNames(plot.series);
  plot.legend = "outside right top vertical Left reverse";
  plot.width = 960;
}

// The curve of the column, begun where there is none yet.
Series& SeriesFor(const std::string& column, Plot& plot) {
  const auto found = std::find_if(plot.series.begin(), plot.series.end(),
                                  [&](const Series& s) { return s.name == column; });
  if (found != plot.series.end()) return *found;
  Series fresh;
  fresh.name = column;
  fresh.look = LookOf(column, plot.series.size());
  return plot.series.emplace_back(std::move(fresh));
}

Drawing Draw(const std::string& group, const std::string& metric,
             const std::vector<const Row*>& rows, size_t index) {
  const double scale = ScaleOf(metric);
  Drawing drawing;
  Plot& plot = drawing.plot;
  const bool power = absl::StrContains(rows.front()->place.base_id, "mode=");
  plot = LegendBelow(absl::StrCat(metric, "-", index), group);
  plot.x = HorizontalAxis(rows, power);
  plot.y = VerticalAxis(metric, rows);
  for (const Row* row : rows) {
    Point point{row->place.x, scale * *row->measured, std::nullopt, std::nullopt};
    if (row->low && row->high) {
      point.low = scale * *row->low;
      point.high = scale * *row->high;
    }
    SeriesFor(row->place.column, plot).points.push_back(point);
  }
  if (plot.series.size() > kMostBelow) LegendBeside(plot);
  for (Series& series : plot.series) {
    std::stable_sort(series.points.begin(), series.points.end(),
                     [](const Point& a, const Point& b) { return a.x < b.x; });
  }
  drawing.caption = Caption(metric, rows, power);
  return drawing;
}

// What accuracy is paid with.
struct Price {
  const char* metric;
  double scale;
};
constexpr Price kPower = {"nasp", 100};
constexpr Price kEnergy = {"joules", 1e6};

// Accuracy against its price, where a group has both; no points otherwise. Sets the price's range.
Plot DrawAgainst(const Price& price, const std::string& group,
                 const std::vector<const Row*>& accuracies, const std::vector<Row>& rows,
                 double& least, double& most) {
  Plot plot = LegendBelow("", group);
  plot.y = VerticalAxis("accuracy", accuracies);
  for (const Row* row : accuracies) {
    const Row* paid = FindRow(rows, row->place.dataset,
                              absl::StrCat(row->place.base_id, ",metric=", price.metric));
    if (paid == nullptr || !paid->measured || !(*paid->measured > 0)) continue;
    const double value = price.scale * *paid->measured;
    SeriesFor(row->place.column, plot).points.push_back({value, 100 * *row->measured, {}, {}});
    least = std::min(least, value);
    most = std::max(most, value);
  }
  return plot;
}

Drawing DrawTradeOff(const std::string& group, const std::vector<const Row*>& accuracies,
                     const std::vector<Row>& rows, size_t index) {
  double least = 100, most = 100;
  Drawing drawing;
  drawing.plot = DrawAgainst(kPower, group, accuracies, rows, least, most);
  drawing.plot.name = absl::StrCat("tradeoff-", index);
  drawing.plot.x = NaspAxis(0.9 * least, 1.1 * most);
  drawing.caption =
      "What a share of the power buys: up and to the left is better. One point a mode.";
  if (drawing.plot.series.size() > kMostBelow) LegendBeside(drawing.plot);
  return drawing;
}

Drawing DrawEnergy(const std::string& group, const std::vector<const Row*>& accuracies,
                   const std::vector<Row>& rows, size_t index) {
  double least = 1e9, most = 0;
  Drawing drawing;
  Plot& plot = drawing.plot;
  plot = DrawAgainst(kEnergy, group, accuracies, rows, least, most);
  plot.name = absl::StrCat("energy-", index);
  plot.x.label = "simulated energy of an image (uJ)";
  plot.x.logarithmic = true;
  plot.x.minimum = 0.9 * least;
  plot.x.maximum = 1.1 * most;
  for (double tick = 1e-3; tick <= most; tick *= 10) {
    if (tick >= least) plot.x.ticks.push_back(tick);
  }
  drawing.caption = "Priced by a device profile, not measured: up and to the left is better.";
  if (plot.series.size() > kMostBelow) LegendBeside(plot);
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

Axis NaspAxis(double minimum, double maximum) {
  Axis axis;
  axis.label = kNaspLabel;
  axis.logarithmic = true;
  axis.minimum = minimum;
  axis.maximum = maximum;
  for (const double tick : {0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0}) {
    if (tick >= minimum && tick <= maximum) axis.ticks.push_back(tick);
  }
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
