#include "client/cli/reproduce/figures.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

using ::testing::ElementsAre;

// Accuracies at these places of the horizontal axis.
std::vector<Row> RowsAt(const std::vector<double>& places) {
  std::vector<Row> rows;
  for (const double x : places) {
    Row row;
    row.place.group = "g";
    row.place.metric = "accuracy";
    row.place.column = "none";
    row.place.x = x;
    row.measured = 0.5;
    row.seeds = 1;
    rows.push_back(row);
  }
  return rows;
}

Axis AxisOf(const std::vector<double>& places) { return DrawRows(RowsAt(places)).front().plot.x; }

TEST(HorizontalAxis, NamesTheFirstValueHoweverSmall) {
  EXPECT_THAT(AxisOf({0.03}).ticks, ElementsAre(0.03));
  EXPECT_THAT(AxisOf({0.02, 0.075}).ticks, ElementsAre(0.02, 0.075));
}

TEST(HorizontalAxis, LeavesOutLabelsThatWouldTouchButNamesTheLast) {
  EXPECT_THAT(AxisOf({0.5, 0.52, 0.6, 0.62}).ticks, ElementsAre(0.5, 0.62));
  EXPECT_THAT(AxisOf({0.1, 0.12, 0.2, 1}).ticks, ElementsAre(0.1, 0.2, 1));
}

TEST(HorizontalAxis, HasNoPlaceForNothingWhereItIsLogarithmic) {
  const Axis axis = AxisOf({0, 1, 3, 9});
  EXPECT_TRUE(axis.logarithmic);
  EXPECT_GT(*axis.minimum, 0);
  EXPECT_THAT(axis.ticks, ElementsAre(1, 3, 9));
  EXPECT_THAT(AxisOf({0}).ticks, ElementsAre(0));
}

}  // namespace
}  // namespace torpor::cli::reproduce
