#include "client/cli/report_plots.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/mode_levers.h"
#include "client/cli/mode_rows.h"

namespace torpor::cli {
namespace {

using Value = std::function<Point(const v1::PowerSweepRow&)>;

std::vector<Series> SeriesOf(const std::vector<Curve>& curves, const Value& value) {
  std::vector<Series> all;
  for (const Curve& curve : curves) {
    Series series;
    series.name = curve.name;
    series.look = curve.look;
    for (const v1::PowerSweepRow& row : curve.rows) {
      if (!row.has_error()) series.points.push_back(value(row));
    }
    // A line goes from small to large, whatever the order of measuring.
    std::stable_sort(series.points.begin(), series.points.end(),
                     [](const Point& a, const Point& b) { return a.x < b.x; });
    all.push_back(std::move(series));
  }
  return all;
}

// The lever that all curves are drawn against.
std::string LeverOf(const std::vector<Curve>& curves) {
  std::vector<v1::PowerSweepRow> rows;
  for (const Curve& curve : curves) rows.insert(rows.end(), curve.rows.begin(), curve.rows.end());
  return LeversOf(rows).x;
}

Axis LeverAxis(const std::vector<Curve>& curves, const std::string& lever) {
  std::set<double> values;
  for (const Curve& curve : curves) {
    for (const v1::PowerSweepRow& row : curve.rows) values.insert(LeverNumber(row, lever));
  }
  // A margin of 0 has no place on a logarithmic axis.
  if (!values.empty() && *values.begin() <= 0) values.erase(values.begin());
  Axis axis = AxisOver(LeverLabel(lever), values);
  if (values.size() <= 8) axis.ticks.assign(values.begin(), values.end());
  return axis;
}

Point WithInterval(double x, double value, double low, double high) {
  Point point{x, 100 * value, std::nullopt, std::nullopt};
  if (high > low) {
    point.low = 100 * low;
    point.high = 100 * high;
  }
  return point;
}

}  // namespace

std::string PolicyName(v1::BiasPolicy::Kind bias) {
  return absl::AsciiStrToLower(
      v1::BiasPolicy::Kind_Name(bias == v1::BiasPolicy::UNSPECIFIED ? v1::BiasPolicy::NONE : bias));
}

Axis AxisOver(const std::string& label, const std::set<double>& values) {
  Axis axis;
  axis.label = label;
  if (values.empty()) return axis;
  const double least = *values.begin(), largest = *values.rbegin();
  axis.logarithmic = largest / least > 4;
  axis.minimum = least * (axis.logarithmic ? 0.9 : 0.97);
  axis.maximum = largest * (axis.logarithmic ? 1.1 : 1.03);
  return axis;
}

Axis PercentAxis(const std::string& label) {
  Axis axis;
  axis.label = label;
  axis.minimum = 0;
  axis.maximum = 105;
  axis.ticks = {0, 20, 40, 60, 80, 100};
  return axis;
}

std::vector<Curve> CurvesByPolicy(const std::vector<v1::PowerSweepRow>& rows) {
  const ModeLevers levers = LeversOf(rows);
  std::vector<Curve> curves;
  for (const v1::PowerSweepRow& row : rows) {
    std::vector<std::string> words;
    if (row.has_bias()) words.push_back(PolicyName(row.bias()));
    for (const std::string& lever : levers.others) {
      const std::string value = lever == "bias" || lever == "epsilon" ? "" : LeverText(row, lever);
      if (!value.empty()) words.push_back(absl::StrCat(lever, " ", value));
    }
    const std::string name = words.empty() ? "all modes" : absl::StrJoin(words, ", ");
    auto curve =
        std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.name == name; });
    if (curve == curves.end()) {
      // Policies keep their looks; further levers take the next free ones.
      const int look = row.has_bias() && words.size() == 1
                           ? std::max(0, static_cast<int>(row.bias()) - v1::BiasPolicy::NONE)
                           : static_cast<int>(curves.size()) % kLookCount;
      curve = curves.insert(curve, Curve{name, look, {}});
    }
    curve->rows.push_back(row);
  }
  return curves;
}

Plot AccuracyPlot(const std::vector<Curve>& curves, const std::string& prefix) {
  const std::string lever = LeverOf(curves);
  Plot plot;
  plot.name = prefix + "accuracy";
  plot.title = "Accuracy on test images";
  plot.x = LeverAxis(curves, lever);
  plot.y = PercentAxis("accuracy (%)");
  plot.series = SeriesOf(curves, [&](const v1::PowerSweepRow& row) {
    return WithInterval(LeverNumber(row, lever), row.accuracy(), row.accuracy_low(),
                        row.accuracy_high());
  });
  return plot;
}

Plot NaspPlot(const std::vector<Curve>& curves, const std::string& prefix) {
  const std::string lever = LeverOf(curves);
  Plot plot;
  plot.name = prefix + "nasp";
  plot.title = "Synaptic power drawn";
  plot.x = LeverAxis(curves, lever);
  plot.y = PercentAxis(kNaspLabel);
  plot.legend = "top left";
  plot.series = SeriesOf(curves, [&](const v1::PowerSweepRow& row) {
    return Point{LeverNumber(row, lever), 100 * row.nasp(), std::nullopt, std::nullopt};
  });
  return plot;
}

Plot AgreementPlot(const std::vector<Curve>& curves, const std::string& prefix) {
  const std::string lever = LeverOf(curves);
  Plot plot;
  plot.name = prefix + "agreement";
  plot.title = "Same answer as at full power";
  plot.x = LeverAxis(curves, lever);
  plot.y = PercentAxis("agreement (% of images)");
  plot.series = SeriesOf(curves, [&](const v1::PowerSweepRow& row) {
    return WithInterval(LeverNumber(row, lever), row.agreement(), row.agreement_low(),
                        row.agreement_high());
  });
  return plot;
}

Plot TradeOffPlot(const std::vector<Curve>& curves, const std::string& prefix) {
  Plot plot;
  plot.name = prefix + "tradeoff";
  plot.title = "What a share of the power buys";
  plot.x = PercentAxis(kNaspLabel);
  plot.y = PercentAxis("accuracy (%)");
  plot.series = SeriesOf(curves, [](const v1::PowerSweepRow& row) {
    return WithInterval(100 * row.nasp(), row.accuracy(), row.accuracy_low(), row.accuracy_high());
  });
  return plot;
}

Plot EnergyPlot(const std::vector<Curve>& curves, const std::string& prefix) {
  std::vector<Curve> priced = curves;
  std::set<double> nanojoules;
  for (Curve& curve : priced) {
    std::erase_if(curve.rows, [](const auto& row) { return !row.has_joules(); });
    for (const v1::PowerSweepRow& row : curve.rows) nanojoules.insert(1e9 * row.joules().mean());
  }
  std::erase_if(priced, [](const Curve& curve) { return curve.rows.empty(); });
  Plot plot;
  plot.name = prefix + "energy";
  plot.title = "What energy buys";
  // From 0 on, so that what is saved is seen as a share.
  plot.x.label = "energy (nJ a sample)";
  plot.x.minimum = 0;
  plot.x.maximum = nanojoules.empty() ? 1 : 1.05 * *nanojoules.rbegin();
  plot.y = PercentAxis("accuracy (%)");
  plot.series = SeriesOf(priced, [](const v1::PowerSweepRow& row) {
    return WithInterval(1e9 * row.joules().mean(), row.accuracy(), row.accuracy_low(),
                        row.accuracy_high());
  });
  return plot;
}

Plot NoisePlot(const std::vector<Curve>& curves, const std::string& prefix, double level) {
  std::vector<Curve> measured = curves;
  for (Curve& curve : measured) {
    std::erase_if(curve.rows, [&](const auto& row) { return AtNoise(row, level) == nullptr; });
  }
  Plot plot;
  plot.name = absl::StrCat(prefix, "noise", std::lround(level * 1e4));
  plot.title = absl::StrFormat("Accuracy under %.3g %% column noise", 100 * level);
  plot.x = PercentAxis(kNaspLabel);
  plot.y = PercentAxis("accuracy (%)");
  plot.series = SeriesOf(measured, [level](const v1::PowerSweepRow& row) {
    const v1::NoiseAccuracy& at = *AtNoise(row, level);
    return WithInterval(100 * row.nasp(), at.accuracy(), at.low(), at.high());
  });
  return plot;
}

std::string Percent(double fraction, int digits) {
  return absl::StrFormat("%.*f %%", digits, 100 * fraction);
}

std::string PercentRange(double low, double high) {
  return absl::StrFormat("%.2f to %.2f %%", 100 * low, 100 * high);
}

void WilsonInterval(int64_t hits, int64_t n, double* low, double* high) {
  *low = 0;
  *high = 1;
  if (n <= 0) return;
  constexpr double z = 1.959963984540054;
  const double count = static_cast<double>(n), share = static_cast<double>(hits) / count;
  const double middle = (share + z * z / (2 * count)) / (1 + z * z / count);
  const double half = z / (1 + z * z / count) *
                      std::sqrt(share * (1 - share) / count + z * z / (4 * count * count));
  *low = std::max(0.0, middle - half);
  *high = std::min(1.0, middle + half);
}

}  // namespace torpor::cli
