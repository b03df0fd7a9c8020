#include "client/cli/reproduce/frontiers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/memory_flags.h"
#include "client/cli/reproduce/figures.h"
#include "client/cli/reproduce/plot_series.h"

namespace torpor::cli::reproduce {
namespace {

// All of a network are at one height: its id stands beside the dearest alone.
void AddPoints(const recipe::NetworkPlan& plan, const recipe::Frontier& frontier,
               const std::string& dataset, const std::vector<Row>& rows, Plot& plot) {
  const Row* figure = FindMeasured(rows, dataset, JoinId({plan.prefix(), frontier.row()}));
  if (figure == nullptr) return;
  std::vector<std::pair<std::string, Point>> points;
  for (const int kind : plan.memory_schemes()) {
    const std::string scheme = SchemeName(static_cast<v1::MemoryScheme::Kind>(kind));
    const Row* energy = FindMeasured(
        rows, dataset, JoinId({plan.prefix(), absl::StrCat("scheme=", scheme), "metric=learning"}));
    if (energy == nullptr) continue;
    const double shown_energy = ShownScale(energy->place.unit) * *energy->measured;
    points.emplace_back(scheme, PointAt(shown_energy, *figure));
  }
  const auto dearest = std::max_element(
      points.begin(), points.end(),
      [](const auto& one, const auto& other) { return one.second.x < other.second.x; });
  if (dearest != points.end()) dearest->second.label = plan.id();
  for (auto& [scheme, point] : points) {
    const int look = static_cast<int>(plot.series.size() % kLookCount);
    SeriesNamed(scheme, look, plot).points.push_back(std::move(point));
  }
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
  LegendBeside(800, plot);
  plot.headroom = 0.06;
  for (const recipe::NetworkPlan& plan : recipe.networks()) {
    AddPoints(plan, frontier, dataset, rows, plot);
  }
  if (plot.series.empty()) return std::nullopt;
  drawing.caption = frontier.caption();
  return drawing;
}

}  // namespace torpor::cli::reproduce
