#include "client/cli/reproduce/frontiers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/memory_flags.h"
#include "client/cli/reproduce/figures.h"

namespace torpor::cli::reproduce {
namespace {

constexpr double kMicrojoules = 1e6;

Series& SeriesOf(const std::string& name, Plot& plot) {
  const auto found = std::find_if(plot.series.begin(), plot.series.end(),
                                  [&](const Series& series) { return series.name == name; });
  if (found != plot.series.end()) return *found;
  Series fresh;
  fresh.name = name;
  fresh.look = static_cast<int>(plot.series.size() % kLookCount);
  return plot.series.emplace_back(std::move(fresh));
}

Point PointOf(const Row& energy, const Row& figure) {
  const double scale = figure.place.unit == Unit::kFraction ? 100 : 1;
  Point point{kMicrojoules * *energy.measured, scale * *figure.measured, {}, {}};
  if (figure.low && figure.high) {
    point.low = scale * *figure.low;
    point.high = scale * *figure.high;
  }
  return point;
}

// All of a network are at one height: its id stands beside the dearest alone.
void AddPoints(const recipe::NetworkPlan& plan, const recipe::Frontier& frontier,
               const std::string& dataset, const std::vector<Row>& rows, Plot& plot) {
  const Row* figure = FindRow(rows, dataset, JoinId({plan.prefix(), frontier.row()}));
  if (figure == nullptr || !figure->measured) return;
  std::vector<std::pair<std::string, Point>> points;
  for (const int kind : plan.memory_schemes()) {
    const std::string scheme = SchemeName(static_cast<v1::MemoryScheme::Kind>(kind));
    const Row* energy = FindRow(
        rows, dataset, JoinId({plan.prefix(), absl::StrCat("scheme=", scheme), "metric=learning"}));
    if (energy == nullptr || !energy->measured) continue;
    points.emplace_back(scheme, PointOf(*energy, *figure));
  }
  const auto dearest = std::max_element(
      points.begin(), points.end(),
      [](const auto& one, const auto& other) { return one.second.x < other.second.x; });
  if (dearest != points.end()) dearest->second.label = plan.id();
  for (auto& [scheme, point] : points) SeriesOf(scheme, plot).points.push_back(std::move(point));
}

}  // namespace

std::optional<Drawing> FrontierOf(const recipe::Recipe& recipe, const recipe::Frontier& frontier,
                                  const std::string& dataset, const std::vector<Row>& rows) {
  Drawing drawing;
  Plot& plot = drawing.plot;
  plot = LegendBelow(absl::StrCat("frontier-", frontier.id(), "-", dataset),
                     absl::StrCat(frontier.title(), ", ", dataset));
  plot.x.label = "energy of forward pass, backward pass and update (uJ)";
  plot.y.label = frontier.label();
  // Curves fall or rise through every corner.
  plot.legend = "outside right top vertical Left reverse";
  plot.width = 800;
  plot.headroom = 0.06;
  for (const recipe::NetworkPlan& plan : recipe.networks()) {
    AddPoints(plan, frontier, dataset, rows, plot);
  }
  if (plot.series.empty()) return std::nullopt;
  drawing.caption = frontier.caption();
  return drawing;
}

}  // namespace torpor::cli::reproduce
