#include "client/cli/weight_plots.h"

#include "absl/strings/str_cat.h"

namespace torpor::cli {
namespace {

Plot SharePlot(const std::string& name, const std::string& title, const std::string& values) {
  Plot plot;
  plot.name = name;
  plot.title = title;
  plot.x.label = values;
  plot.y.label = "share (%)";
  plot.y.minimum = 0;
  plot.legend = "top right";
  plot.headroom = 0.15;
  return plot;
}

void AddSeries(const std::string& layer, const v1::Histogram& histogram, Plot& plot) {
  if (histogram.value().empty()) return;
  Series series;
  series.name = layer;
  series.look = static_cast<int>(plot.series.size()) % kLookCount;
  const std::vector<double> shares = SharesOf(histogram);
  for (int i = 0; i < histogram.value_size(); ++i) {
    series.points.push_back(
        {histogram.value(i), 100 * shares[static_cast<size_t>(i)], std::nullopt, std::nullopt});
  }
  plot.series.push_back(std::move(series));
}

}  // namespace

std::vector<double> SharesOf(const v1::Histogram& histogram) {
  double total = 0;
  for (const int64_t count : histogram.count()) total += static_cast<double>(count);
  std::vector<double> shares;
  for (const int64_t count : histogram.count()) {
    shares.push_back(total > 0 ? static_cast<double>(count) / total : 0);
  }
  return shares;
}

std::vector<Plot> WeightPlots(const v1::WeightAnalysis& analysis, const std::string& prefix,
                              const std::string& title) {
  const std::string lead = title.empty() ? "" : title + ": ";
  Plot weights = SharePlot(prefix + "weights", absl::StrCat(lead, "weights"), "weight");
  Plot biases = SharePlot(prefix + "biases", absl::StrCat(lead, "biases"), "bias");
  for (const v1::LayerWeights& layer : analysis.layers()) {
    AddSeries(layer.name(), layer.weights(), weights);
    AddSeries(layer.name(), layer.biases(), biases);
  }
  std::vector<Plot> plots;
  for (Plot& plot : std::vector<Plot>{weights, biases}) {
    if (!plot.series.empty()) plots.push_back(std::move(plot));
  }
  return plots;
}

}  // namespace torpor::cli
