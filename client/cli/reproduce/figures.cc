#include "client/cli/reproduce/figures.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

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
  return static_cast<int>(index % 7);
}

Axis HorizontalAxis(const std::vector<const Row*>& rows, bool power) {
  std::set<double> values;
  for (const Row* row : rows) values.insert(row->place.x);
  Axis axis;
  axis.label =
      power ? "NASP (% of full power)" : "epsilon: scale of every synaptic weight (1 = full power)";
  axis.logarithmic = *values.rbegin() / *values.begin() > 4;
  // Labels of neighbours would touch.
  double last = 0;
  for (const double value : values) {
    if (axis.logarithmic ? value < 1.35 * last : value < last + 0.05) continue;
    axis.ticks.push_back(value);
    last = value;
  }
  if (axis.ticks.back() != *values.rbegin()) axis.ticks.back() = *values.rbegin();
  axis.minimum = *values.begin() * (axis.logarithmic ? 0.9 : 0.97);
  axis.maximum = *values.rbegin() * (axis.logarithmic ? 1.1 : 1.03);
  return axis;
}

Axis VerticalAxis(const std::string& metric, const std::vector<const Row*>& rows) {
  Axis axis;
  axis.minimum = 0;
  if (metric == "loss") {
    axis.label = "loss (as in training)";
    return axis;
  }
  axis.label = metric == "nasp" ? "NASP (% of full power)" : "accuracy on test images (%)";
  double highest = 0;
  for (const Row* row : rows) highest = std::max(highest, 100 * *row->measured);
  // A bias may draw more than it saves.
  if (highest > 104) return axis;
  axis.maximum = 105;
  axis.ticks = {0, 20, 40, 60, 80, 100};
  return axis;
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

Drawing Draw(const std::string& group, const std::string& metric,
             const std::vector<const Row*>& rows, size_t index) {
  const double scale = metric == "loss" ? 1 : 100;
  Drawing drawing;
  Plot& plot = drawing.plot;
  const bool power = absl::StrContains(rows.front()->place.base_id, "mode=");
  plot.name = absl::StrCat(metric, "-", index);
  plot.title = group;
  plot.x = HorizontalAxis(rows, power);
  plot.y = VerticalAxis(metric, rows);
  // Curves go through every corner.
  plot.legend = "outside bottom center horizontal height 1";
  plot.height = 450;
  for (const Row* row : rows) {
    const std::string& column = row->place.column;
    auto series = std::find_if(plot.series.begin(), plot.series.end(),
                               [&](const Series& s) { return s.name == column; });
    if (series == plot.series.end()) {
      Series fresh;
      fresh.name = column;
      fresh.look = LookOf(column, plot.series.size());
      series = plot.series.insert(plot.series.end(), std::move(fresh));
    }
    Point point{row->place.x, scale * *row->measured, std::nullopt, std::nullopt};
    if (row->low && row->high) {
      point.low = scale * *row->low;
      point.high = scale * *row->high;
    }
    series->points.push_back(point);
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
  Drawing drawing = Draw(group, "accuracy", accuracies, index);
  Plot& plot = drawing.plot;
  plot.name = absl::StrCat("tradeoff-", index);
  plot.x = Axis();
  plot.x.label = "NASP (% of full power)";
  plot.x.logarithmic = true;
  plot.series.clear();
  double least = 100, most = 100;
  for (const Row* row : accuracies) {
    const Row* power =
        FindRow(rows, row->place.dataset, absl::StrCat(row->place.base_id, ",metric=nasp"));
    if (power == nullptr || !power->measured || !(*power->measured > 0)) continue;
    const std::string& column = row->place.column;
    auto series = std::find_if(plot.series.begin(), plot.series.end(),
                               [&](const Series& s) { return s.name == column; });
    if (series == plot.series.end()) {
      Series fresh;
      fresh.name = column;
      fresh.look = LookOf(column, plot.series.size());
      series = plot.series.insert(plot.series.end(), std::move(fresh));
    }
    series->points.push_back({100 * *power->measured, 100 * *row->measured, {}, {}});
    least = std::min(least, series->points.back().x);
    most = std::max(most, series->points.back().x);
  }
  plot.x.minimum = 0.9 * least;
  plot.x.maximum = 1.1 * most;
  for (const double tick : {0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0}) {
    if (tick >= 0.9 * least && tick <= 1.1 * most) plot.x.ticks.push_back(tick);
  }
  drawing.caption =
      "What a share of the power buys: up and to the left is better. One point an epsilon.";
  return drawing;
}

}  // namespace

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
