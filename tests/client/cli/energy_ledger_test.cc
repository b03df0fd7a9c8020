#include "client/cli/energy_ledger.h"

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"

namespace torpor::cli {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

v1::EnergyReport SmallReport() {
  v1::EnergyReport report;
  report.set_profile("mine");
  report.set_caveat("a guess");
  report.mutable_activity()->set_samples(100);
  v1::EnergyEntry* cells = report.add_entries();
  cells->set_layer("hidden");
  cells->set_kind("synaptic_power");
  cells->set_synaptic(true);
  cells->set_count(1e3);
  cells->set_joules_each(1e-12);
  cells->set_joules(1e-9);
  v1::EnergyEntry* converters = report.add_entries();
  converters->set_layer("hidden");
  converters->set_kind("conversions");
  converters->set_count(3);
  converters->set_joules_each(1e-9);
  converters->set_joules(3e-9);
  report.set_joules(4e-9);
  report.set_joules_low(1e-9);
  report.set_joules_high(9e-9);
  report.set_synaptic_share(0.25);
  return report;
}

v1::PublishedPoint Point(double joules, double model, bool calibration) {
  v1::PublishedPoint point;
  point.set_what("5 cores");
  point.set_joules(joules);
  point.set_model_joules(model);
  point.set_calibration(calibration);
  return point;
}

std::string Summary(const v1::EnergyReport& report, const v1::Distribution* joules = nullptr) {
  return absl::StrJoin(LedgerSummary(report, joules), "\n");
}

TEST(JoulesTextTest, TakesThePrefixThatReadsBest) {
  EXPECT_EQ(JoulesText(0), "0 J");
  EXPECT_EQ(JoulesText(56.25e-9), "56.25 nJ");
  EXPECT_EQ(JoulesText(108e-6), "108 uJ");
  EXPECT_EQ(JoulesText(0.2813e-6), "281.3 nJ");
  EXPECT_EQ(JoulesText(2), "2 J");
  EXPECT_EQ(JoulesText(999.999e-9), "1 uJ");
  EXPECT_EQ(JoulesText(1.5e-18), "1.5 aJ");
}

TEST(LedgerTest, RowsHaveSharesOfTheTotal) {
  const std::vector<Json> rows = LedgerRows(SmallReport());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["part"], "synapses");
  EXPECT_EQ(rows[0]["share"], 0.25);
  EXPECT_EQ(rows[1]["part"], "periphery");
  EXPECT_EQ(rows[1]["energy"], "3 nJ");
}

TEST(LedgerTest, SaysUnknownNeverZero) {
  v1::EnergyReport report = SmallReport();
  report.mutable_entries(1)->clear_joules();
  report.mutable_entries(1)->clear_joules_each();
  report.clear_joules();
  report.clear_synaptic_share();
  report.add_unknown("layer 'hidden': conversions happened, and the profile has no conversion.");
  const std::vector<Json> rows = LedgerRows(report);
  EXPECT_EQ(rows[1]["energy"], "unknown");
  EXPECT_EQ(rows[1]["each"], "unknown");
  EXPECT_FALSE(rows[0].contains("share"));
  EXPECT_THAT(Summary(report), AllOf(HasSubstr("total: unknown"), HasSubstr("share: unknown"),
                                     HasSubstr("unknown: layer 'hidden'"), Not(HasSubstr("0 J"))));
  EXPECT_FALSE(LedgerJson(report, nullptr).contains("joules"));
}

TEST(LedgerTest, SummaryNamesTotalShareSpreadAndCaveat) {
  v1::Distribution joules;
  joules.set_p5(3e-9);
  joules.set_p50(4e-9);
  joules.set_p95(5e-9);
  EXPECT_THAT(Summary(SmallReport(), &joules),
              AllOf(HasSubstr("profile: mine, mean of 100 samples"),
                    HasSubstr("total: 4 nJ a sample (5 %: 3 nJ, 50 %: 4 nJ, 95 %: 5 nJ); 1 nJ to "
                              "9 nJ over the coefficients' ranges"),
                    HasSubstr("synaptic share: 25.00 % of the total"), HasSubstr("caveat: a guess"),
                    Not(HasSubstr("fitted"))));
}

TEST(LedgerTest, CalibrationIsSaidInTheLineOfTheFigure) {
  v1::EnergyReport report = SmallReport();
  *report.add_points() = Point(0.268e-6, 0.28126e-6, false);
  *report.add_points() = Point(108e-6, 108e-6, true);
  const std::string other = PointLine(report, report.points(0));
  EXPECT_THAT(other, AllOf(HasSubstr("268 nJ for 5 cores"), HasSubstr("281.3 nJ (+4.9 %)"),
                           HasSubstr("not fitted to this point")));
  EXPECT_THAT(PointLine(report, report.points(1)),
              AllOf(HasSubstr("108 uJ (+0.0 %)"), HasSubstr("calibration, not evidence")));
  EXPECT_THAT(Summary(report), ContainsRegex("total: [^\n]*fitted to published totals"));
  EXPECT_NEAR(LedgerJson(report, nullptr)["points"][0]["deviation"].get<double>(), 0.0494, 1e-4);
}

TEST(EnergyCommandTest, ErrorsHaveThreeLinesAndTheHelpAnExample) {
  const RunResult help = RunTorpor({"energy", "report", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("torpor energy report s1 --dataset fashion-mnist"));

  const RunResult missing = RunTorpor({"energy", "report", "s1"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("--dataset"), HasSubstr("try: ")));

  const RunResult file =
      RunTorpor({"energy", "report", "s1", "--dataset", "d", "--profile", "/nowhere/device.yaml"});
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_THAT(file.err, AllOf(HasSubstr("/nowhere/device.yaml"), HasSubstr("try: ")));

  const RunResult typed =
      RunTorpor({"energy", "report", "s1", "--dataset", "d", "--profile", "-"}, {},
                "name: mine\ncoefficients:\n- name: core_tick\n  value: much\n");
  EXPECT_NE(typed.exit_code, 0);
  EXPECT_THAT(typed.err, AllOf(HasSubstr("value"), HasSubstr(":4")));
}

}  // namespace
}  // namespace torpor::cli
