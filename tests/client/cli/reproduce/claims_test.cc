#include "client/cli/reproduce/claims.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

using ::testing::HasSubstr;

std::vector<Row> Rows() {
  std::vector<Row> rows;
  for (const auto& [id, value] : std::vector<std::pair<std::string, double>>{
           {"eps=1,bias=none", 0.92}, {"eps=0.1,bias=none", 0.50}, {"eps=0.1,bias=table", 0.915}}) {
    Row row;
    row.id = row.place.base_id = id;
    row.place.dataset = "mnist";
    row.measured = value;
    rows.push_back(row);
  }
  return rows;
}

recipe::Recipe WithChecks(
    const std::vector<std::tuple<std::string, std::string, double>>& row_minus_least) {
  recipe::Recipe recipe;
  recipe.add_datasets("mnist");
  recipe::Claim& claim = *recipe.add_claims();
  claim.set_text("it holds");
  claim.set_reason("because");
  for (const auto& [row, minus, least] : row_minus_least) {
    recipe::Check& check = *claim.add_checks();
    check.set_row(row);
    check.set_minus(minus);
    check.set_at_least(least);
  }
  return recipe;
}

TEST(JudgeClaims, ConfirmsWhenEveryCheckHolds) {
  const auto findings = JudgeClaims(
      WithChecks({{"eps=1,bias=none", "", 0.91}, {"eps=0.1,bias=table", "eps=1,bias=none", -0.01}}),
      Rows());
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].verdict, Verdict::kConfirmed);
  EXPECT_EQ(findings[0].reason, "");
  EXPECT_THAT(findings[0].evidence[1], HasSubstr("91.50 %, minus 92.00 %"));
}

TEST(JudgeClaims, NamesTheEvidenceAndTheReasonWhenItFails) {
  const auto findings =
      JudgeClaims(WithChecks({{"eps=0.1,bias=none", "eps=1,bias=none", -0.01}}), Rows());
  EXPECT_EQ(findings[0].verdict, Verdict::kNotReproduced);
  EXPECT_EQ(findings[0].reason, "because");
  EXPECT_THAT(findings[0].evidence[0],
              HasSubstr("-42.00 points; but asked: at least -1.00 points"));
}

TEST(JudgeClaims, SaysPartlyAndNotMeasured) {
  const auto partly = JudgeClaims(
      WithChecks({{"eps=1,bias=none", "", 0.91}, {"eps=0.1,bias=none", "", 0.91}}), Rows());
  EXPECT_EQ(partly[0].verdict, Verdict::kPartly);
  const auto missing = JudgeClaims(
      WithChecks({{"eps=1,bias=none", "", 0.91}, {"eps=0.1,bias=tuned", "", 0.91}}), Rows());
  EXPECT_EQ(missing[0].verdict, Verdict::kNotMeasured);
}

TEST(JudgeClaims, AQuickRunConfirmsOrLeavesOpen) {
  recipe::Recipe recipe =
      WithChecks({{"eps=1,bias=none", "", 0.5}, {"eps=0.1,bias=none", "", 0.91}});
  EXPECT_EQ(JudgeClaims(recipe, Rows(), true)[0].verdict, Verdict::kPartly)
      << "nothing was shortened";
  recipe.mutable_quick()->set_epochs(1);
  const auto findings = JudgeClaims(recipe, Rows(), true);
  EXPECT_EQ(findings[0].verdict, Verdict::kNotDecided);
  EXPECT_EQ(findings[0].reason, "a quick run is shorter than what this is about");
  EXPECT_THAT(findings[0].evidence[1], HasSubstr("but asked"));
  recipe.mutable_claims(0)->mutable_checks(1)->set_at_least(0.01);
  EXPECT_EQ(JudgeClaims(recipe, Rows(), true)[0].verdict, Verdict::kConfirmed);
}

TEST(JudgeClaims, RespectsAnUpperBound) {
  recipe::Recipe recipe = WithChecks({});
  recipe::Check& check = *recipe.mutable_claims(0)->add_checks();
  check.set_row("eps=0.1,bias=none");
  check.set_at_most(0.499);
  EXPECT_EQ(JudgeClaims(recipe, Rows())[0].verdict, Verdict::kNotReproduced);
  recipe.mutable_claims(0)->mutable_checks(0)->set_at_most(0.5);
  EXPECT_EQ(JudgeClaims(recipe, Rows())[0].verdict, Verdict::kConfirmed);
}

TEST(JudgeClaims, SkipsOtherDatasets) {
  recipe::Recipe recipe = WithChecks({{"eps=1,bias=none", "", 0.91}});
  recipe.mutable_claims(0)->set_dataset("fashion-mnist");
  EXPECT_TRUE(JudgeClaims(recipe, Rows()).empty());
}

}  // namespace
}  // namespace torpor::cli::reproduce
