#include "client/cli/reproduce/plot_series.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace torpor::cli::reproduce {

Series& SeriesNamed(const std::string& name, int look, Plot& plot) {
  const auto found = std::find_if(plot.series.begin(), plot.series.end(),
                                  [&](const Series& series) { return series.name == name; });
  if (found != plot.series.end()) return *found;
  Series fresh;
  fresh.name = name;
  fresh.look = look;
  return plot.series.emplace_back(std::move(fresh));
}

Point PointAt(double x, const Row& row) {
  const double scale = ShownScale(row.place.unit);
  Point point{x, scale * *row.measured, std::nullopt, std::nullopt};
  if (row.low && row.high) {
    point.low = scale * *row.low;
    point.high = scale * *row.high;
  }
  return point;
}

}  // namespace torpor::cli::reproduce
