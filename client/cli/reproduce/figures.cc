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

constexpr const char* kDrawn[] = {"accuracy", "nasp", "loss"};

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

Axis VerticalAxis(const std::string& metric, const std::vector<const Row*>& rows) {
  Axis axis;
  axis.minimum = 0;
  if (metric == "loss") {
    axis.label = "loss (as in training)";
    return axis;
  }
  axis.label = metric == "nasp" ? kNaspLabel : "accuracy on test images (%)";
  double highest = 0;
  for (const Row* row : rows) highest = std::max(highest, 100 * *row->measured);
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
  const double scale = metric == "loss" ? 1 : 100;
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
  for (Series& series : plot.series) {
    std::stable_sort(series.points.begin(), series.points.end(),
                     [](const Point& a, const Point& b) { return a.x < b.x; });
  }
  drawing.caption = Caption(metric, rows, power);
  return drawing;
}

// Accuracy against the power that was drawn, where a group has both; no points otherwise.
Drawing DrawTradeOff(const std::string& group, const std::vector<const Row*>& accuracies,
                     const std::vector<Row>& rows, size_t index) {
  Drawing drawing;
  Plot& plot = drawing.plot;
  plot = LegendBelow(absl::StrCat("tradeoff-", index), group);
  plot.y = VerticalAxis("accuracy", accuracies);
  double least = 100, most = 100;
  for (const Row* row : accuracies) {
    const Row* power =
        FindRow(rows, row->place.dataset, absl::StrCat(row->place.base_id, ",metric=nasp"));
    if (power == nullptr || !power->measured || !(*power->measured > 0)) continue;
    const double drawn = 100 * *power->measured;
    SeriesFor(row->place.column, plot).points.push_back({drawn, 100 * *row->measured, {}, {}});
    least = std::min(least, drawn);
    most = std::max(most, drawn);
  }
  plot.x = NaspAxis(0.9 * least, 1.1 * most);
  drawing.caption =
      "What a share of the power buys: up and to the left is better. One point an epsilon.";
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
  }
  return drawings;
}

}  // namespace torpor::cli::reproduce
