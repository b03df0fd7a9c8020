#include "client/cli/reproduce/frontiers.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

class FrontierTest : public ::testing::Test {
 protected:
  FrontierTest() {
    Network("float", {});
    Network("w8", {v1::MemoryScheme::CROSSBAR, v1::MemoryScheme::POINTER_BITMAP});
    Network("w2", {v1::MemoryScheme::CROSSBAR, v1::MemoryScheme::POINTER_BITMAP});
    frontier_.set_id(std::string("f"));
    frontier_.set_title(std::string("784-10"));
    frontier_.set_row(std::string("metric=lowest_distance"));
    frontier_.set_label(std::string("distance"));
    frontier_.set_caption(std::string("Down is better."));
  }

  void Network(const std::string& id, const std::vector<v1::MemoryScheme::Kind>& schemes) {
    recipe::NetworkPlan& plan = *recipe_.add_networks();
    plan.set_id(id);
    plan.set_prefix("net=" + id);
    for (const v1::MemoryScheme::Kind scheme : schemes) plan.add_memory_schemes(scheme);
  }
  Row& Measured(const std::string& id, double value, Unit unit) {
    Row row;
    row.place.base_id = id;
    row.place.dataset = "d";
    row.place.unit = unit;
    row.measured = value;
    return rows_.emplace_back(row);
  }
  // Distances and energies of both, one of a network that stores nothing, and one of another
  // dataset.
  void MeasureAll() {
    Measured("net=float,metric=lowest_distance", 0.01, Unit::kNumber);
    Row& eight = Measured("net=w8,metric=lowest_distance", 0.05, Unit::kNumber);
    eight.low = 0.04;
    eight.high = 0.06;
    Measured("net=w2,metric=lowest_distance", 0.1, Unit::kNumber);
    Measured("net=w8,scheme=crossbar,metric=learning", 25e-6, Unit::kJoule);
    Measured("net=w8,scheme=pointer-bitmap,metric=learning", 30e-6, Unit::kJoule);
    Measured("net=w2,scheme=crossbar,metric=learning", 20e-6, Unit::kJoule);
    Measured("net=w2,scheme=pointer-bitmap,metric=learning", 17e-6, Unit::kJoule);
    Measured("net=w2,scheme=crossbar,metric=forward", 5e-6, Unit::kJoule);
  }

  recipe::Recipe recipe_;
  recipe::Frontier frontier_;
  std::vector<Row> rows_;
};

TEST_F(FrontierTest, IsACurveASchemeAndAPointANetwork) {
  MeasureAll();
  const auto drawing = FrontierOf(recipe_, frontier_, "d", rows_);
  ASSERT_TRUE(drawing.has_value());
  const Plot& plot = drawing->plot;
  EXPECT_EQ(plot.name, "frontier-f-d");
  EXPECT_THAT(plot.x.label, ::testing::HasSubstr("uJ"));
  EXPECT_EQ(plot.y.label, "distance");
  EXPECT_EQ(drawing->caption, "Down is better.");
  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_EQ(plot.series[0].name, "crossbar");
  EXPECT_EQ(plot.series[1].name, "pointer-bitmap");
  EXPECT_NE(plot.series[0].look, plot.series[1].look);
  ASSERT_EQ(plot.series[1].points.size(), 2u);
  const Point &eight = plot.series[1].points[0], &two = plot.series[1].points[1];
  EXPECT_EQ(eight.label, "w8");
  EXPECT_DOUBLE_EQ(eight.x, 30);
  EXPECT_EQ(eight.y, 0.05);
  EXPECT_EQ(eight.low, 0.04);
  EXPECT_EQ(eight.high, 0.06);
  EXPECT_EQ(two.label, "");
  EXPECT_DOUBLE_EQ(two.x, 17);
  EXPECT_FALSE(two.low.has_value());
  // Beside the dearest of a network's points, once.
  EXPECT_EQ(plot.series[0].points[0].label, "");
  EXPECT_EQ(plot.series[0].points[1].label, "w2");
}

TEST_F(FrontierTest, DrawsSharesInPerCentAndAccuracyWithoutAName) {
  MeasureAll();
  frontier_.clear_row();
  Row& accuracy = Measured("net=w2", 0.975, Unit::kFraction);
  accuracy.low = 0.97;
  accuracy.high = 0.98;
  const auto drawing = FrontierOf(recipe_, frontier_, "d", rows_);
  ASSERT_TRUE(drawing.has_value());
  // The other network has no accuracy.
  ASSERT_EQ(drawing->plot.series[0].points.size(), 1u);
  EXPECT_DOUBLE_EQ(drawing->plot.series[0].points[0].y, 97.5);
  EXPECT_DOUBLE_EQ(*drawing->plot.series[0].points[0].low, 97);
  EXPECT_DOUBLE_EQ(*drawing->plot.series[0].points[0].high, 98);
}

TEST_F(FrontierTest, IsNothingWhereNothingWasMeasured) {
  MeasureAll();
  EXPECT_FALSE(FrontierOf(recipe_, frontier_, "other", rows_).has_value());
  for (Row& row : rows_) {
    if (row.place.unit == Unit::kJoule) row.measured.reset();
  }
  EXPECT_FALSE(FrontierOf(recipe_, frontier_, "d", rows_).has_value());
}

}  // namespace
}  // namespace torpor::cli::reproduce
