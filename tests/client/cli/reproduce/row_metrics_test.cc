#include "client/cli/reproduce/row_metrics.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

v1::PowerSweepRow RowOf(double accuracy) {
  v1::PowerSweepRow row;
  row.set_accuracy(accuracy);
  row.set_accuracy_low(accuracy - 0.1);
  row.set_accuracy_high(accuracy + 0.1);
  row.set_nasp(0.5);
  return row;
}

std::vector<Row> RowsOf(const std::vector<const v1::PowerSweepRow*>& draws) {
  Place place;
  place.base_id = "ticks=1";
  RowCollector rows;
  AddSweepRow(place, draws, rows);
  return rows.Finish(recipe::Recipe());
}

const Row* Find(const std::vector<Row>& rows, const std::string& id) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.id == id; });
  return found == rows.end() ? nullptr : &*found;
}

TEST(RowMetricsTest, OneRowKeepsItsInterval) {
  const v1::PowerSweepRow one = RowOf(0.6);
  const std::vector<Row> rows = RowsOf({&one});
  const Row* accuracy = Find(rows, "ticks=1");
  ASSERT_NE(accuracy, nullptr);
  EXPECT_EQ(accuracy->measured, 0.6);
  EXPECT_EQ(accuracy->low, 0.5);
  EXPECT_EQ(Find(rows, "ticks=1,metric=nasp")->measured, 0.5);
  EXPECT_EQ(Find(rows, "ticks=1,metric=joules"), nullptr) << "the row has none";
}

TEST(RowMetricsTest, DrawsAreTheirMean) {
  v1::PowerSweepRow one = RowOf(0.6), two = RowOf(0.8);
  one.mutable_joules()->set_mean(1);
  two.mutable_joules()->set_mean(4);
  const std::vector<Row> rows = RowsOf({&one, &two});
  EXPECT_DOUBLE_EQ(*Find(rows, "ticks=1")->measured, 0.7);
  EXPECT_DOUBLE_EQ(*Find(rows, "ticks=1,metric=joules")->measured, 2.5);
  EXPECT_FALSE(Find(rows, "ticks=1")->low.has_value());
}

TEST(RowMetricsTest, ADrawThatFailedIsAnErrorOfAll) {
  v1::PowerSweepRow one = RowOf(0.6), two = RowOf(0.8);
  two.mutable_error()->set_message("no such lever");
  const std::vector<Row> rows = RowsOf({&one, &two});
  const Row* accuracy = Find(rows, "ticks=1");
  ASSERT_NE(accuracy, nullptr);
  EXPECT_FALSE(accuracy->measured.has_value());
  EXPECT_EQ(accuracy->error, "no such lever");
}

}  // namespace
}  // namespace torpor::cli::reproduce
