#include "client/cli/reproduce/rows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Place At(const std::string& id, const std::string& dataset = "mnist") {
  Place place;
  place.base_id = id;
  place.dataset = dataset;
  place.what = "accuracy of \"it\"";
  place.group = "784-10, " + dataset;
  place.metric = "accuracy";
  place.line = "0.1";
  place.column = id.substr(id.find("bias=") + 5);
  place.x = 0.1;
  return place;
}

recipe::Recipe TwoDatasets() {
  recipe::Recipe recipe;
  recipe.add_datasets("mnist");
  recipe.add_datasets("fashion-mnist");
  recipe::Values& paper = *recipe.add_paper();
  paper.set_id("eps={},bias=none");
  paper.add_at("1");
  paper.add_at("0.1");
  paper.add_value(0.92);
  paper.add_value(0.5);
  paper.set_source("the paper");
  paper.set_dataset("mnist");
  recipe::Values& reference = *recipe.add_reference();
  reference.set_id("eps=0.1,bias=none");
  reference.add_value(0.49);
  reference.set_source("another program");
  return recipe;
}

TEST(RowCollector, AveragesSeedsAndKeepsTheOrder) {
  RowCollector collector;
  collector.Add(At("eps=0.1,bias=none"), {0.48, 0.47, 0.49, 1});
  collector.Add(At("eps=0.1,bias=table"), {0.91, 0.90, 0.92, 1});
  collector.Add(At("eps=0.1,bias=none"), {0.50, 0.49, 0.51, 1});
  collector.Add(At("eps=0.1,bias=none"), {0.52, 0.51, 0.53, 1});
  const std::vector<Row> rows = collector.Finish(TwoDatasets());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, "eps=0.1,bias=none");
  EXPECT_NEAR(*rows[0].measured, 0.5, 1e-12);
  EXPECT_EQ(rows[0].seeds, 3);
  // Student's over the seeds, not one seed's own.
  EXPECT_NEAR(*rows[0].low, 0.5 - 4.30265273 * 0.02 / std::sqrt(3), 1e-8);
  EXPECT_EQ(*rows[0].paper, 0.5);
  EXPECT_EQ(*rows[0].reference, 0.49);
  // One seed: the interval that came with it.
  EXPECT_EQ(rows[1].seeds, 1);
  EXPECT_EQ(*rows[1].low, 0.90);
  EXPECT_EQ(*rows[1].high, 0.92);
  EXPECT_FALSE(rows[1].paper.has_value());
}

TEST(RowCollector, GivesNoIntervalForTwoSeedsAndKeepsSharesWithinOne) {
  RowCollector collector;
  collector.Add(At("eps=1,bias=none"), {0.9, 0.8, 1.0, 1});
  collector.Add(At("eps=1,bias=none"), {0.91, 0.8, 1.0, 1});
  for (const double value : {0.95, 1.0, 1.0}) collector.Add(At("eps=1,bias=x"), {value, {}, {}, 1});
  const std::vector<Row> rows = collector.Finish(TwoDatasets());
  EXPECT_EQ(rows[0].seeds, 2);
  EXPECT_FALSE(rows[0].low.has_value());
  EXPECT_EQ(*rows[1].high, 1.0);
}

TEST(RowCollector, PrefixesTheOtherDatasetAndItsOwnValuesOnly) {
  RowCollector collector;
  collector.Add(At("eps=0.1,bias=none", "mnist"), {0.5, {}, {}, 1});
  collector.Add(At("eps=0.1,bias=none", "fashion-mnist"), {0.4, {}, {}, 1});
  const std::vector<Row> rows = collector.Finish(TwoDatasets());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].id, "dataset=fashion-mnist,eps=0.1,bias=none");
  EXPECT_FALSE(rows[1].paper.has_value());
  EXPECT_EQ(*rows[1].reference, 0.49);
  EXPECT_EQ(FindRow(rows, "fashion-mnist", "eps=0.1,bias=none"), &rows[1]);
  EXPECT_EQ(FindRow(rows, "mnist", "eps=0.2,bias=none"), nullptr);
}

TEST(RowCollector, DoesNotAverageOverSeedsThatFailed) {
  RowCollector collector;
  collector.Add(At("eps=0.1,bias=tuned"), {0.9, {}, {}, 1});
  collector.AddError(At("eps=0.1,bias=tuned"), "needs a tuning");
  collector.Add(At("eps=0.1,bias=none"), {std::nan(""), {}, {}, 1});
  const std::vector<Row> rows = collector.Finish(TwoDatasets());
  EXPECT_FALSE(rows[0].measured.has_value());
  EXPECT_EQ(rows[0].error, "needs a tuning");
  EXPECT_FALSE(rows[1].measured.has_value());
}

TEST(RowJson, HasTheFieldsOfTheContractAndNullForWhatIsUnknown) {
  RowCollector collector;
  collector.Add(At("eps=0.1,bias=table"), {0.9152, {}, {}, 5});
  const Json json = RowJson(collector.Finish(TwoDatasets())[0]);
  EXPECT_EQ(json["id"], "eps=0.1,bias=table");
  EXPECT_TRUE(json["paper"].is_null());
  EXPECT_EQ(json["measured"], 0.9152);
  EXPECT_TRUE(json["low"].is_null());
  EXPECT_TRUE(json["high"].is_null());
  EXPECT_EQ(json["seeds"], 5);
  EXPECT_EQ(json["unit"], "fraction");
}

TEST(RowsCsv, HasTheSameColumnsInEveryLine) {
  RowCollector collector;
  collector.Add(At("eps=0.1,bias=none"), {0.5, 0.4, 0.6, 1});
  const std::vector<std::string> lines =
      absl::StrSplit(RowsCsv(collector.Finish(TwoDatasets())), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("id,what,paper,measured,low,high,seeds"));
  EXPECT_EQ(lines[1],
            "\"eps=0.1,bias=none\",\"accuracy of \"\"it\"\"\",0.5,0.5,0.4,0.6,1,0.49,fraction,");
}

TEST(FormatValue, RoundsWithoutASignOnNothing) {
  EXPECT_EQ(FormatValue(0.92316, Unit::kFraction), "92.32 %");
  EXPECT_EQ(FormatValue(-0.0421, Unit::kFraction), "-4.21 %");
  EXPECT_EQ(FormatValue(-0.00001, Unit::kFraction), "0.00 %");
  EXPECT_EQ(FormatValue(-0.00001, Unit::kNumber), "0.0000");
  EXPECT_EQ(FormatValue(120.04, Unit::kDegree), "120.0 deg");
  EXPECT_EQ(FormatValue(std::nullopt, Unit::kNumber), "-");
}

TEST(Pivot, PutsRowsIntoTheirCells) {
  RowCollector collector;
  collector.Add(At("eps=0.1,bias=none"), {0.5, {}, {}, 1});
  Place other = At("eps=0.05,bias=table");
  other.line = "0.05";
  collector.Add(other, {0.9, {}, {}, 1});
  const std::vector<PivotTable> tables = Pivot(collector.Finish(TwoDatasets()));
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_THAT(tables[0].columns, ElementsAre("none", "table"));
  EXPECT_THAT(tables[0].lines,
              ElementsAre(ElementsAre("0.1", "50.00 %", "-"), ElementsAre("0.05", "-", "90.00 %")));
}

TEST(Pivot, LinesGoUpWhereTheirPlacesSay) {
  RowCollector collector;
  for (const double x : {-1.0, 2.0, -10.0, 0.0}) {
    Place place = At(absl::StrCat("bias=", x));
    place.line = absl::StrCat(x);
    place.x = x;
    place.ascending = true;
    collector.Add(place, {0.25, {}, {}, 1});
  }
  const std::vector<PivotTable> tables = Pivot(collector.Finish(TwoDatasets()));
  ASSERT_EQ(tables.size(), 1u);
  std::vector<std::string> lines;
  for (const auto& line : tables[0].lines) lines.push_back(line[0]);
  EXPECT_THAT(lines, ElementsAre("-10", "-1", "0", "2"));
}

}  // namespace
}  // namespace torpor::cli::reproduce
