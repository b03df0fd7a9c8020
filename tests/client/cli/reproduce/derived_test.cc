// Rows that are made of rows.
#include <cmath>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli/reproduce/study.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

Place At(const std::string& id, const std::string& metric) {
  Place place;
  place.base_id = id;
  place.group = "784x128";
  place.metric = metric;
  place.line = id;
  place.column = "crossbar";
  place.x = 8;
  place.unit = Unit::kJoule;
  return place;
}

class DerivedTest : public ::testing::Test {
 protected:
  void Known(const std::string& id, double value) {
    recipe::Values& values = *recipe_.add_paper();
    values.set_id(id);
    values.add_value(value);
    values.set_source(std::string("the paper"));
  }
  // After AddDerived.
  const Row* Find(const std::string& id) {
    rows_ = study_.rows.Finish(recipe_);
    return FindRow(rows_, "", id);
  }

  std::istringstream in_;
  std::ostringstream out_, err_;
  Context context_{in_, out_, err_};
  recipe::Recipe recipe_;
  JobRunner runner_{context_, "test", false};
  Study study_{context_, recipe_, runner_, {}, {}};
  std::vector<Row> rows_;
};

TEST_F(DerivedTest, RatiosAreOfSums) {
  study_.rows.Add(At("a", "forward"), {.value = 1e-6});
  study_.rows.Add(At("b", "forward"), {.value = 2e-6});
  study_.rows.Add(At("c", "forward"), {.value = 2e-6});
  recipe::Ratio& ratio = *recipe_.add_ratios();
  ratio.set_id(std::string("ab-c"));
  ratio.add_rows(std::string("a"));
  ratio.add_rows(std::string("b"));
  ratio.add_over(std::string("c"));
  recipe::Ratio& missing = *recipe_.add_ratios();
  missing.set_id(std::string("none"));
  missing.add_rows(std::string("a"));
  missing.add_over(std::string("d"));
  Known("ratio=ab-c", 1.4);
  AddDerived(study_);
  const Row* row = Find("ratio=ab-c");
  ASSERT_NE(row, nullptr);
  EXPECT_DOUBLE_EQ(*row->measured, 1.5);
  EXPECT_EQ(*row->paper, 1.4);
  // What was not measured has no ratio.
  EXPECT_FALSE(Find("ratio=none")->measured.has_value());
}

TEST_F(DerivedTest, RatiosOfTrainedNetworksAreOfADataset) {
  recipe_.add_datasets(std::string("first"));
  recipe_.add_datasets(std::string("second"));
  study_.rows.Add(At("free", "forward"), {.value = 2});
  for (const auto& [dataset, value] : {std::pair("first", 6.0), std::pair("second", 8.0)}) {
    Place place = At("trained", "forward");
    place.dataset = dataset;
    study_.rows.Add(std::move(place), {.value = value});
  }
  const auto add = [&](const char* id, const char* row) {
    recipe::Ratio& ratio = *recipe_.add_ratios();
    ratio.set_id(std::string(id));
    ratio.add_rows(std::string(row));
    ratio.add_over(std::string("free"));
  };
  add("of-data", "trained");
  add("of-none", "free");
  AddDerived(study_);
  const std::vector<Row> rows = study_.rows.Finish(recipe_);
  EXPECT_EQ(*FindRow(rows, "first", "ratio=of-data")->measured, 3);
  EXPECT_EQ(*FindRow(rows, "second", "ratio=of-data")->measured, 4);
  // The same for every dataset: one row.
  EXPECT_EQ(FindRow(rows, "", "ratio=of-none")->place.dataset, "");
  EXPECT_EQ(rows.size(), 3u + 2 + 1);
}

TEST_F(DerivedTest, AgreementIsWithWhatThePaperHas) {
  study_.rows.Add(At("a", "forward"), {.value = 1.1});
  study_.rows.Add(At("b", "forward"), {.value = 0.5});
  study_.rows.Add(At("c", "backward"), {.value = 1.2});
  study_.rows.Add(At("unknown", "forward"), {.value = 7});
  study_.rows.Add(At("other", "leakage"), {.value = 7});
  for (const char* id : {"a", "b", "c", "other"}) Known(id, 1);
  recipe::Agreement& agreement = *recipe_.add_agreements();
  agreement.set_id(std::string("all"));
  agreement.add_metrics(std::string("forward"));
  agreement.add_metrics(std::string("backward"));
  AddDerived(study_);
  EXPECT_EQ(*Find("agreement=all,metric=figures")->measured, 3);
  EXPECT_NEAR(*Find("agreement=all,metric=median_error")->measured, 0.2, 1e-12);
  EXPECT_NEAR(*Find("agreement=all,metric=largest_error")->measured, 0.5, 1e-12);
  const double squares =
      std::pow(std::log(1.1), 2) + std::pow(std::log(0.5), 2) + std::pow(std::log(1.2), 2);
  EXPECT_NEAR(*Find("agreement=all,metric=rms_log_error")->measured, std::sqrt(squares / 3), 1e-12);
  ASSERT_EQ(study_.drawings.size(), 1u);
  // Crossbar, and the line of equal figures.
  EXPECT_EQ(study_.drawings[0].plot.series.size(), 2u);
  EXPECT_EQ(study_.drawings[0].plot.series[0].points.size(), 3u);
  // From 0.4 to 1.5 J, in uJ, there is one power of ten.
  EXPECT_THAT(study_.drawings[0].plot.x.ticks,
              ::testing::ElementsAre(::testing::DoubleEq(5e5), ::testing::DoubleEq(1e6)));
}

TEST_F(DerivedTest, SavingsAreDrawnWithTheirDraws) {
  for (const char* bits : {"bits=8,", "bits=4,"}) {
    const auto add = [&](const char* metric, double value) {
      study_.rows.Add(At(absl::StrCat(bits, "metric=", metric), metric), {.value = value});
    };
    add("saving_rate", 0.5);
    add("saving_p5", 0.3);
    add("saving_p50", 0.45);
    add("saving_p95", 0.7);
  }
  // Of another scheme, at one width: no drawing.
  Place other = At("bits=8,scheme=other,metric=saving_rate", "saving_rate");
  other.column = "other";
  study_.rows.Add(std::move(other), {.value = 0.1});
  AddDerived(study_);
  ASSERT_EQ(study_.drawings.size(), 1u);
  // Nothing published: no curve for it.
  const Plot& plot = study_.drawings[0].plot;
  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_EQ(plot.series[0].points.size(), 2u);
  EXPECT_EQ(plot.series[0].points[0].y, 50);
  EXPECT_EQ(*plot.series[1].points[0].high, 70);
}

TEST_F(DerivedTest, SavingsAreDrawnWithoutDrawsThatAreNoNumbers) {
  for (const char* bits : {"bits=8,", "bits=4,"}) {
    const auto add = [&](const char* metric, double value) {
      study_.rows.Add(At(absl::StrCat(bits, "metric=", metric), metric), {.value = value});
    };
    add("saving_rate", 0.5);
    add("saving_p5", std::nan(""));
    add("saving_p50", 0.45);
    add("saving_p95", 0.7);
  }
  AddDerived(study_);
  ASSERT_EQ(study_.drawings.size(), 1u);
  EXPECT_EQ(study_.drawings[0].plot.series.size(), 1u);
}

}  // namespace
}  // namespace torpor::cli::reproduce
