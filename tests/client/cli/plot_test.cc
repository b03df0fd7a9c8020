#include "client/cli/plot.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/report_plots.h"
#include "client/cli/subprocess.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Plot TwoCurves() {
  Plot plot;
  plot.name = "two";
  plot.title = "It's 5 < 6 & \"true\" `date` ${HOME}";
  plot.x.label = "epsilon";
  plot.y.label = "accuracy (%)";
  plot.x.logarithmic = true;
  plot.x.ticks = {0.1, 0.5, 1};
  Series first{"none", {{0.1, 50, 48.0, 52.0}, {0.5, 88, 87.0, 89.0}, {1, 90, {}, {}}}};
  Series second{"table", {{0.1, 27, {}, {}}, {1, 90, {}, {}}}};
  second.look = 1;
  plot.series = {first, second};
  plot.marks = {{0.2, "here"}};
  return plot;
}

TEST(GnuplotScript, QuotesWhatUsersWrite) {
  Plot plot = TwoCurves();
  plot.title = "a'b\nset output 'x'";
  const std::string script = GnuplotScript(plot);
  EXPECT_THAT(script, HasSubstr("set title 'a''b set output ''x'''\n"));
}

TEST(GnuplotScript, WritesLabelsBesideTheirPoints) {
  Plot plot = TwoCurves();
  plot.series[0].points[1].label = "it's";
  const std::string script = GnuplotScript(plot);
  EXPECT_THAT(script, HasSubstr("set label 'it''s' at 0.5,88 left"));
  plot.series[0].points[1].y = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(GnuplotScript(plot), Not(HasSubstr("it''s")));
}

TEST(GnuplotScript, KeepsNineDigitsAndLeavesOutWhatIsNotFinite) {
  Plot plot = TwoCurves();
  plot.series[0].points = {{0.123456789, 1, {}, {}},
                           {0.5, std::numeric_limits<double>::quiet_NaN(), {}, {}},
                           {std::numeric_limits<double>::infinity(), 2, {}, {}}};
  const std::string script = GnuplotScript(plot);
  EXPECT_THAT(script, HasSubstr("$data0 << END\n0.123456789 1 1 1\nEND\n"));
  EXPECT_THAT(script, Not(HasSubstr("nan")));
}

TEST(GnuplotScript, DrawsBarsOnlyWhereThereAreIntervals) {
  const std::string script = GnuplotScript(TwoCurves());
  EXPECT_THAT(script, HasSubstr("$data0 using 1:2:3:4 with yerrorbars"));
  EXPECT_THAT(script, Not(HasSubstr("$data1 using 1:2:3:4")));
}

TEST(GnuplotScript, DrawsRastersAsBarsOfOneStep) {
  Plot plot = TwoCurves();
  plot.series[0].style = Series::Style::kWideBars;
  plot.series[1].style = Series::Style::kBars;
  const std::string script = GnuplotScript(plot);
  EXPECT_THAT(script, HasSubstr("$data0 using ($1-0.5):2:(1):(0) with vectors nohead lc rgb '#80"));
  EXPECT_THAT(
      script,
      HasSubstr("$data1 using ($1-0.5):2:(1):(0) with vectors nohead lc rgb '#0072B2' lw 1.2"));
  EXPECT_TRUE(RenderSvg(plot).ok());
}

TEST(RenderSvg, RefusesAPlotWithoutPoints) {
  Plot plot = TwoCurves();
  for (Series& series : plot.series) series.points.clear();
  EXPECT_EQ(RenderSvg(plot).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RenderSvg, SaysWhichPackageIsMissing) {
  const absl::Status status = RenderSvg(TwoCurves(), "no-such-gnuplot").status();
  EXPECT_EQ(ExitCodeOfError(status), 1);
  EXPECT_THAT(FormatError(status, false), HasSubstr("try: apt-get install gnuplot-nox"));
}

TEST(RenderSvg, TellsGnuplotsOwnWords) {
  Plot plot = TwoCurves();
  plot.legend = "no such place";
  const absl::Status status = RenderSvg(plot).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("set key no such place"));
}

TEST(RenderSvg, DrawsOneSelfContainedElement) {
  const absl::StatusOr<std::string> svg = RenderSvg(TwoCurves());
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_TRUE(absl::StartsWith(*svg, "<svg"));
  EXPECT_THAT(*svg, HasSubstr("5 &lt; 6 &amp;"));
  EXPECT_THAT(*svg, HasSubstr("`date` ${HOME}"));
  EXPECT_THAT(*svg, HasSubstr("accuracy (%)"));
  EXPECT_THAT(*svg, Not(HasSubstr("<script")));
  // Both curves in their colours.
  EXPECT_THAT(*svg, HasSubstr("213,  94,   0"));
  EXPECT_THAT(*svg, HasSubstr("  0, 114, 178"));
}

TEST(RenderSvg, NamesItsPartsAfterThePlot) {
  const absl::StatusOr<std::string> svg = RenderSvg(TwoCurves());
  ASSERT_TRUE(svg.ok()) << svg.status();
  size_t ids = 0;
  for (size_t at = svg->find(" id="); at != std::string::npos; at = svg->find(" id=", at + 1)) {
    EXPECT_EQ(svg->substr(at + 5, 4), "two-");
    ++ids;
  }
  EXPECT_GT(ids, 0u);
  for (size_t at = svg->find("href="); at != std::string::npos; at = svg->find("href=", at + 1)) {
    EXPECT_EQ(svg->substr(at + 6, 5), "#two-");
  }
}

TEST(RunProgram, FeedsAndGathersMoreThanAPipeHolds) {
  const std::string input(1 << 20, 'x');
  const absl::StatusOr<ProgramResult> result = RunProgram({"cat"}, input, absl::Seconds(20));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 0);
  EXPECT_EQ(result->output, input);
}

TEST(RunProgram, OutlivesAProgramThatDoesNotRead) {
  const absl::StatusOr<ProgramResult> result = RunProgram(
      {"sh", "-c", "echo out; echo err >&2; exit 3"}, std::string(1 << 20, 'x'), absl::Seconds(20));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->errors, "err\n");
}

TEST(RunProgram, EndsAProgramThatTakesTooLong) {
  EXPECT_EQ(RunProgram({"sleep", "60"}, "", absl::Milliseconds(100)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

v1::PowerSweepRow Row(double epsilon, v1::BiasPolicy::Kind bias, double accuracy, double nasp) {
  v1::PowerSweepRow row;
  row.set_epsilon(epsilon);
  row.set_bias(bias);
  row.set_accuracy(accuracy);
  row.set_accuracy_low(accuracy - 0.01);
  row.set_accuracy_high(accuracy + 0.01);
  row.set_nasp(nasp);
  return row;
}

TEST(ReportPlots, SplitsRowsByPolicyAndSortsThem) {
  const std::vector<Curve> curves =
      CurvesByPolicy({Row(1, v1::BiasPolicy::NONE, 0.9, 1), Row(1, v1::BiasPolicy::TABLE, 0.9, 1),
                      Row(0.1, v1::BiasPolicy::NONE, 0.5, 0.08)});
  ASSERT_EQ(curves.size(), 2u);
  EXPECT_EQ(curves[0].name, "none");
  EXPECT_EQ(curves[1].name, "table");
  EXPECT_NE(curves[0].look, curves[1].look);
  const Plot plot = AccuracyPlot(curves, "p-");
  EXPECT_EQ(plot.name, "p-accuracy");
  ASSERT_EQ(plot.series[0].points.size(), 2u);
  EXPECT_DOUBLE_EQ(plot.series[0].points[0].x, 0.1);
  EXPECT_DOUBLE_EQ(plot.series[0].points[0].y, 50);
  EXPECT_DOUBLE_EQ(*plot.series[0].points[0].low, 49);
  EXPECT_TRUE(plot.x.logarithmic);
  EXPECT_DOUBLE_EQ(TradeOffPlot(curves, "").series[0].points[0].x, 8);
}

TEST(ReportPlots, LeavesOutRowsWithoutFigures) {
  v1::PowerSweepRow bad = Row(0.1, v1::BiasPolicy::NONE, 0, 0);
  bad.mutable_error()->set_message("not calibrated");
  const Plot plot = NaspPlot(CurvesByPolicy({Row(1, v1::BiasPolicy::NONE, 0.9, 1), bad}), "");
  EXPECT_EQ(plot.series[0].points.size(), 1u);
}

TEST(WilsonInterval, EqualsTabulatedValues) {
  double low = 0, high = 0;
  WilsonInterval(8, 10, &low, &high);  // Wilson (1927): 0.4902 to 0.9433
  EXPECT_NEAR(low, 0.4902, 1e-4);
  EXPECT_NEAR(high, 0.9433, 1e-4);
  WilsonInterval(10, 10, &low, &high);
  EXPECT_DOUBLE_EQ(high, 1);
  EXPECT_NEAR(low, 0.7225, 1e-4);
  WilsonInterval(0, 0, &low, &high);
  EXPECT_EQ(low, 0);
  EXPECT_EQ(high, 1);
}

}  // namespace
}  // namespace torpor::cli
