#include "client/cli/neuron_plots.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;

TEST(NeuronPlots, BiasHasOneCurveAMethodInTheOrderOfEpsilon) {
  v1::AnalyzeNeuronBiasResponse response;
  for (const double epsilon : {1.0, 0.5}) {
    auto& point = *response.add_points();
    point.set_epsilon(epsilon);
    point.set_optimal_change(-epsilon);
    point.set_table_change(-2 * epsilon);
    point.set_tangent_change(-3 * epsilon);
  }
  const Plot plot = NeuronBiasPlot(response, "a neuron");
  ASSERT_EQ(plot.series.size(), 3u);
  EXPECT_EQ(plot.series[0].name, "optimal");
  EXPECT_EQ(plot.series[0].points[0].x, 0.5);
  EXPECT_EQ(plot.series[0].points[1].y, -1);
  EXPECT_EQ(plot.series[1].points[1].y, -2);
  EXPECT_EQ(plot.series[2].points[1].y, -3);
  EXPECT_THAT(GnuplotScript(plot), HasSubstr("a neuron"));
  // A distribution without Table I.
  response.mutable_points(0)->clear_table_change();
  response.mutable_points(1)->clear_table_change();
  EXPECT_EQ(NeuronBiasPlot(response, "").series.size(), 2u);
}

TEST(NeuronPlots, TuningHasOneCurveAnEpsilon) {
  v1::AnalyzeNeuronTuningResponse response;
  for (int i = 0; i < 9; ++i) {
    auto& curve = *response.add_curves();
    curve.set_epsilon(0.1 * (i + 1));
    curve.add_angle(-180);
    curve.add_angle(0);
    curve.add_response(0.25);
    curve.add_response(1);
  }
  const Plot plot = NeuronTuningPlot(response, "");
  ASSERT_EQ(plot.series.size(), 9u);
  EXPECT_EQ(plot.series[0].name, "epsilon 0.1");
  EXPECT_EQ(plot.series[8].points[0].x, -180);
  EXPECT_EQ(plot.series[8].points[0].y, 0.25);
  for (const Series& series : plot.series) EXPECT_LT(series.look, 7);
}

}  // namespace
}  // namespace torpor::cli
