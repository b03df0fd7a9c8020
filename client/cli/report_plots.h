// The plots that reports share: what each power mode keeps and what it draws, by bias policy.
// Thread-safe.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "client/cli/plot.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// The rows that differ in one lever; rows without figures (error set) are left out of plots.
struct Curve {
  std::string name;
  // See Series::look.
  int look = 0;
  std::vector<v1::PowerSweepRow> rows;
};

// In lower case, e.g. "none".
std::string PolicyName(v1::BiasPolicy::Kind bias);

inline constexpr char kNaspLabel[] = "NASP (% of full power)";

// From the least to the largest of the values, logarithmic when they are far apart, without ticks.
Axis AxisOver(const std::string& label, const std::set<double>& values);
// From 0 to a little more than 100.
Axis PercentAxis(const std::string& label);

// One curve for each combination of policy and other levers that differ beside the axis (see
// mode_levers.h), in the order of first appearance; a policy has the same look everywhere.
std::vector<Curve> CurvesByPolicy(const std::vector<v1::PowerSweepRow>& rows);

// `prefix` goes before the names, which are unique on a page.
Plot AccuracyPlot(const std::vector<Curve>& curves, const std::string& prefix);
Plot NaspPlot(const std::vector<Curve>& curves, const std::string& prefix);
Plot AgreementPlot(const std::vector<Curve>& curves, const std::string& prefix);
// Accuracy under that column noise (PowerSweepRow.noise_accuracy) against NASP.
Plot NoisePlot(const std::vector<Curve>& curves, const std::string& prefix, double level);
// Accuracy against NASP: what a share of the power buys.
Plot TradeOffPlot(const std::vector<Curve>& curves, const std::string& prefix);
// Accuracy against the mean energy of a sample; modes without (PowerSweepRow.joules) are left out.
Plot EnergyPlot(const std::vector<Curve>& curves, const std::string& prefix);

// "98.31 %" with `digits` after the point.
std::string Percent(double fraction, int digits = 2);
// "97.9 - 98.5 %"
std::string PercentRange(double low, double high);
// 95 % Wilson interval of `hits` in `n`.
void WilsonInterval(int64_t hits, int64_t n, double* low, double* high);

}  // namespace torpor::cli
