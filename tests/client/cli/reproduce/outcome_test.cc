#include "client/cli/reproduce/outcome.h"

#include "client/cli/reproduce/figures.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Outcome Made(bool quick) {
  Outcome outcome;
  outcome.quick = quick;
  recipe::Recipe& recipe = outcome.recipe;
  recipe.set_name("merkel/test");
  recipe.set_title("a title <b>");
  recipe.set_source("the paper, figure 0");
  recipe.set_about("What is done.");
  recipe.add_datasets("mnist");
  recipe.set_seeds(3);
  recipe.add_networks()->set_id("net");
  recipe::Values& paper = *recipe.add_paper();
  paper.set_id("eps=0.1,bias=none");
  paper.add_value(0.6);
  paper.set_source("section III");
  recipe::Claim& claim = *recipe.add_claims();
  claim.set_text("It stays above 90 %.");
  claim.set_source("section III");
  claim.set_reason("Because it is dark.");
  recipe::Check& check = *claim.add_checks();
  check.set_row("eps=0.1,bias=none");
  check.set_at_least(0.9);
  RowCollector collector;
  for (const double seed : {0.0, 0.01, 0.02}) {
    for (const double epsilon : {0.1, 0.5, 1.0}) {
      for (const std::string metric : {"accuracy", "nasp", "loss"}) {
        Place place;
        place.base_id = "eps=" + ShortNumber(epsilon) + ",bias=none" +
                        (metric == "accuracy" ? "" : ",metric=" + metric);
        place.dataset = "mnist";
        place.group = "784-10, mnist";
        place.metric = metric;
        place.line = ShortNumber(epsilon);
        place.column = "none";
        place.x = epsilon;
        place.unit = metric == "loss" ? Unit::kNumber : Unit::kFraction;
        collector.Add(place, {0.4 + seed + epsilon / 2, {}, {}, 1});
      }
    }
  }
  Place failed;
  failed.base_id = "eps=0.1,bias=tuned";
  failed.dataset = "mnist";
  failed.group = "784-10, mnist";
  failed.metric = "accuracy";
  failed.line = "0.1";
  failed.column = "tuned";
  failed.x = 0.1;
  collector.AddError(failed, "no tuning");
  outcome.rows = collector.Finish(recipe);
  outcome.findings = JudgeClaims(recipe, outcome.rows);
  v1::Job job;
  job.set_name("jobs/repro-1");
  job.mutable_provenance()->set_dataset_digest("d1gest");
  outcome.jobs.push_back(job);
  return outcome;
}

TEST(MakePage, SetsThePapersClaimBesideTheFinding) {
  const auto page = MakePage(Made(false));
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->html, HasSubstr("a title &lt;b&gt;"));
  EXPECT_THAT(page->html, HasSubstr("Not reproduced: It stays above 90 %."));
  EXPECT_THAT(page->html, HasSubstr("46.00 %; but asked: at least 90.00 %"));
  EXPECT_THAT(page->html, HasSubstr("Because it is dark."));
  // Paper, measured, interval over seeds, difference.
  EXPECT_THAT(page->html, HasSubstr("<td>60.00 %</td><td>-</td><td>46.00 %</td>"));
  EXPECT_THAT(page->html, HasSubstr("<td>-14.00 points</td><td>3</td>"));
  EXPECT_THAT(page->html, HasSubstr("no tuning"));
  EXPECT_THAT(page->html, HasSubstr("sha256 d1gest"));
  EXPECT_THAT(page->html, HasSubstr("repro-1"));
  EXPECT_THAT(page->html, Not(HasSubstr("quick run")));
}

TEST(MakePage, IsWholeInItselfAndItsAxesHaveUnits) {
  const auto page = MakePage(Made(true));
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->html, HasSubstr("quick run"));
  EXPECT_THAT(page->html, Not(HasSubstr("<script")));
  EXPECT_THAT(page->html, Not(HasSubstr("<img")));
  EXPECT_THAT(page->html, HasSubstr("accuracy on test images (%)"));
  EXPECT_THAT(page->html, HasSubstr("NASP (% of full power)"));
  EXPECT_THAT(page->html, HasSubstr("epsilon: scale of every synaptic weight (1 = full power)"));
  ASSERT_EQ(page->files.size(), 4u);
  for (const auto& [name, content] : page->files) EXPECT_THAT(content, HasSubstr("</svg>")) << name;
}

TEST(DrawRows, DrawsMeansWithIntervalsInPerCent) {
  const std::vector<Drawing> drawings = DrawRows(Made(false).rows);
  ASSERT_EQ(drawings.size(), 4u);
  const Plot& accuracy = drawings[0].plot;
  ASSERT_EQ(accuracy.series.size(), 1u);
  ASSERT_EQ(accuracy.series[0].points.size(), 3u);
  // Ascending, whatever the order of measuring.
  EXPECT_EQ(accuracy.series[0].points[0].x, 0.1);
  EXPECT_NEAR(accuracy.series[0].points[0].y, 46, 1e-9);
  EXPECT_LT(*accuracy.series[0].points[0].low, 46);
  EXPECT_TRUE(accuracy.x.logarithmic);
  // Against the power drawn, which the rows of NASP tell.
  EXPECT_EQ(drawings[1].plot.x.label, "NASP (% of full power)");
  EXPECT_NEAR(drawings[1].plot.series[0].points[0].x, 46, 1e-9);
  EXPECT_NEAR(drawings[1].plot.series[0].points[0].y, 46, 1e-9);
  // Losses are no per cent.
  EXPECT_NEAR(drawings[3].plot.series[0].points[0].y, 0.46, 1e-9);
}

TEST(OutcomeJson, HasRowsAndClaims) {
  const Json json = OutcomeJson(Made(true));
  EXPECT_EQ(json["quick"], true);
  EXPECT_EQ(json["rows"].size(), 10u);
  EXPECT_EQ(json["rows"][0]["id"], "eps=0.1,bias=none");
  EXPECT_EQ(json["claims"][0]["verdict"], "not reproduced");
  EXPECT_EQ(json["jobs"][0], "jobs/repro-1");
}

TEST(OutcomeText, ShowsTablesAndWhatDoesNotHold) {
  const std::string text = OutcomeText(Made(true));
  EXPECT_THAT(text, HasSubstr("quick run"));
  EXPECT_THAT(text, HasSubstr("accuracy: 784-10, mnist"));
  EXPECT_THAT(text, HasSubstr("not measured"));
  EXPECT_THAT(text, HasSubstr("not reproduced  It stays above 90 %."));
  // Losses are on the page and in the JSON.
  EXPECT_THAT(text, Not(HasSubstr("loss: 784-10")));
}

}  // namespace
}  // namespace torpor::cli::reproduce
