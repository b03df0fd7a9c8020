#include "client/cli/neuron_plots.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace torpor::cli {

Plot NeuronBiasPlot(const v1::AnalyzeNeuronBiasResponse& response, const std::string& title) {
  Plot plot;
  plot.name = "neuron-bias";
  plot.title = title;
  plot.x.label = "epsilon: scale of the weights";
  plot.y.label = "change of the bias";
  const bool points = response.points_size() <= 40;
  const Series::Style style = points ? Series::Style::kLinesAndPoints : Series::Style::kLine;
  Series optimal{"optimal", {}, style, 0}, table{"Table I", {}, style, 1};
  Series tangent{"tangent (eq. 11)", {}, Series::Style::kLine, 3};
  for (const v1::AnalyzeNeuronBiasResponse::Point& point : response.points()) {
    optimal.points.push_back({point.epsilon(), point.optimal_change(), {}, {}});
    if (point.has_table_change()) {
      table.points.push_back({point.epsilon(), point.table_change(), {}, {}});
    }
    tangent.points.push_back({point.epsilon(), point.tangent_change(), {}, {}});
  }
  for (Series* series : {&optimal, &table, &tangent}) {
    std::sort(series->points.begin(), series->points.end(),
              [](const Point& a, const Point& b) { return a.x < b.x; });
    if (!series->points.empty()) plot.series.push_back(*series);
  }
  return plot;
}

Plot NeuronTuningPlot(const v1::AnalyzeNeuronTuningResponse& response, const std::string& title) {
  Plot plot;
  plot.name = "neuron-tuning";
  plot.title = title;
  plot.x.label = "angle between input and weights (degree)";
  plot.x.minimum = -180;
  plot.x.maximum = 180;
  plot.x.ticks = {-180, -120, -60, 0, 60, 120, 180};
  plot.y.label = "response / peak response";
  plot.legend = "outside right top";
  plot.width = 760;
  int look = 0;
  for (const v1::AnalyzeNeuronTuningResponse::Curve& curve : response.curves()) {
    Series series{absl::StrCat("epsilon ", curve.epsilon()), {}, Series::Style::kLine, look};
    look = (look + 1) % kLookCount;
    for (int i = 0; i < std::min(curve.angle_size(), curve.response_size()); ++i) {
      series.points.push_back({curve.angle(i), curve.response(i), {}, {}});
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

}  // namespace torpor::cli
