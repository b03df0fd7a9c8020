#include "client/cli/memory_report.h"

#include "client/cli/errors.h"
#include "client/cli/memory_flags.h"
#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"

namespace torpor::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Two schemes compared: the second saves 40 % of all, and 10 % of the forward pass at best.
v1::CompareMemoryResponse TwoSchemes() {
  v1::CompareMemoryResponse response;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    estimates {
      estimates { array: "784x128" scheme: CROSSBAR of { name: "784x128" bits: 8
                  dense { inputs: 784 outputs: 128 } } storage_bits: 802816 forward_uj: 1.7
                  backward_uj: 2 update_uj: 2.2 backward_update_uj: 4.2 leakage_mw: 45.55 }
      estimates { array: "784x128" scheme: POINTER_BITMAP of { name: "784x128" bits: 8
                  density: 0.25 dense { inputs: 784 outputs: 128 } } storage_bits: 400000
                  forward_uj: 0.4 backward_uj: 1 update_uj: 1 backward_update_uj: 2 }
      estimates { array: "784x128" scheme: FUNCTIONAL refused: "dense" }
      totals { scheme: CROSSBAR storage_bits: 802816 forward_uj: 1.7 backward_update_uj: 4.2 }
      totals { scheme: POINTER_BITMAP storage_bits: 400000 forward_uj: 0.4 backward_update_uj: 2 }
      profile { name: "memory-synthesis" description: "SRAM." caveat: "A fit."
                coefficients { name: "memory_access" value: 1e-11 unit: "J" source: "a <test>"
                               low: 0 high: 1.5e-11 } }
    }
    comparisons { scheme: CROSSBAR against: POINTER_BITMAP quantity: LEARNING saving: -0.5 }
    comparisons { scheme: POINTER_BITMAP against: CROSSBAR quantity: FORWARD saving: 0.1
                  percentiles: [-0.2, 0, 0.1, 0.15, 0.2] robustness: 0.75 }
    comparisons { scheme: POINTER_BITMAP against: CROSSBAR quantity: LEARNING saving: 0.4
                  percentiles: [0.1, 0.2, 0.3, 0.4, 0.5] robustness: 1 }
    break_evens { scheme: POINTER_BITMAP against: CROSSBAR quantity: LEARNING density: 0.83
                  cheaper_below: true percentiles: [0.5, 0.8, 0.95] }
    break_evens { scheme: POINTER_BITMAP against: CROSSBAR quantity: STORAGE density: 0.2
                  density: 0.4 cheaper_below: false }
    break_evens { scheme: POINTER_BITMAP against: CROSSBAR quantity: FORWARD
                  cheaper_below: false })",
                                                            &response));
  return response;
}

TEST(MemoryReport, NotesWhatTablesLeaveOut) {
  v1::CompareMemoryResponse response = TwoSchemes();
  response.mutable_estimates()->add_notes("figures are extrapolated");
  *response.mutable_estimates()->add_estimates() = response.estimates().estimates(2);
  response.mutable_estimates()->mutable_estimates(3)->set_array("out");
  EXPECT_THAT(MemoryNotes(response.estimates()),
              ::testing::ElementsAre("functional cannot hold 784x128, out: dense",
                                     "figures are extrapolated"));
}

TEST(MemoryReport, EstimatesHaveTheirNames) {
  const v1::CompareMemoryResponse response = TwoSchemes();
  const Json crossbar = EstimateJson(response.estimates().estimates(0));
  EXPECT_EQ(crossbar["scheme"], "crossbar");
  EXPECT_EQ(crossbar["storage_bits"], 802816);
  EXPECT_EQ(crossbar["forward_uj"], 1.7);
  EXPECT_EQ(crossbar["backward_uj"], 2);
  EXPECT_EQ(crossbar["update_uj"], 2.2);
  EXPECT_EQ(crossbar["backward_update_uj"], 4.2);
  EXPECT_EQ(crossbar["leakage_mw"], 45.55);
  EXPECT_EQ(crossbar["density"], 1);
  // Unknown is not zero.
  EXPECT_FALSE(EstimateJson(response.estimates().estimates(1)).contains("leakage_mw"));
  const Json refused = EstimateJson(response.estimates().estimates(2));
  EXPECT_EQ(refused["refused"], "dense");
  EXPECT_FALSE(refused.contains("storage_bits"));
}

TEST(MemoryReport, RowsSayHowFarASavingHolds) {
  const std::vector<Json> rows = ComparisonRows(TwoSchemes(), v1::MemoryScheme::CROSSBAR);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["quantity"], "forward");
  EXPECT_EQ(rows[0]["robustness"], 0.75);
  EXPECT_EQ(rows[0]["draws"], "-20.0 % to 20.0 %");
  EXPECT_EQ(rows[1]["saving"], 0.4);
  EXPECT_EQ(ComparisonRows(TwoSchemes(), v1::MemoryScheme::POINTER_BITMAP).size(), 1u);
}

TEST(MemoryReport, BreakEvensInWords) {
  const std::vector<Json> rows = BreakEvenRows(TwoSchemes());
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["cheaper"], "pointer-bitmap below 0.830, then crossbar");
  EXPECT_EQ(rows[0]["draws"], "0.500 - 0.950");
  EXPECT_EQ(rows[1]["cheaper"], "crossbar below 0.200, pointer-bitmap below 0.400, then crossbar");
  EXPECT_EQ(rows[2]["cheaper"], "crossbar at every density");
}

TEST(MemoryReport, ThePageStandsAlone) {
  MemoryReportInput input;
  input.subject = "784x128, 8 bits";
  input.response = TwoSchemes();
  input.against = v1::MemoryScheme::CROSSBAR;
  input.draws = 4000;
  for (const double density : {0.5, 1.0}) {
    MemoryCurvePoint& point = input.points.emplace_back();
    point.density = density;
    const auto& totals = input.response.estimates().totals();
    point.totals.assign(totals.begin(), totals.end());
  }
  const auto report = MakeMemoryReport(input);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->html, AllOf(HasSubstr("784x128, 8 bits"), HasSubstr("40.0 %"),
                                  HasSubstr("100 % of the draws"), HasSubstr("a &lt;test&gt;"),
                                  HasSubstr("<svg"), Not(HasSubstr("<script"))));
  // Savings, storage, three energies, and the figures.
  EXPECT_EQ(report->files.size(), 6u);
  EXPECT_EQ(report->files.back().first, ".csv");
  EXPECT_THAT(report->files.back().second, HasSubstr("storage_bits"));
}

// What is wrong on the command line alone, before any server is asked.
TEST(MemoryFlags, RefuseWhatTheyCannotRead) {
  const auto run = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"memory", "estimate"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunTorpor(arguments);
  };
  RunResult result = run({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("no array is given"));
  EXPECT_THAT(run({"--dense", "784x128", "--model", "m"}).err, HasSubstr("several ways"));
  for (const char* shape : {"784", "784x128x3", "784x", "ax3", "1e3x5"}) {
    result = run({"--dense", shape});
    EXPECT_EQ(result.exit_code, 2) << shape;
    EXPECT_THAT(result.err, AllOf(HasSubstr("not 2 sizes"), HasSubstr("--dense"))) << shape;
  }
  EXPECT_THAT(run({"--conv", "28x28x3x3x32"}).err,
              AllOf(HasSubstr("not 6 sizes"), HasSubstr("--conv 28x28x3x3x32x32")));
  EXPECT_THAT(run({"--dense", "2x2", "--bits", "many"}).err,
              AllOf(HasSubstr("not a number: `many`"), HasSubstr("--bits")));
  result = run({"--dense", "2x2", "--scheme", "crossbar,pointer-indx"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("pointer-indx"), HasSubstr("--scheme pointer-index")));
  EXPECT_THAT(run({"--session", "s1", "--density", "0.5"}).err, HasSubstr("as dense as they are"));
}

TEST(MemoryFlags, ErrorsOfTheServerNameTheFlag) {
  MemoryFlags flags;
  flags.dense = {"784x128", "3x0"};
  flags.conv = {"4x4x5x5x1x1"};
  const auto placed = [&](const std::string& field) {
    return FormatError(NameMemoryFlag(FieldError(field, "is wrong"), flags, {}), false);
  };
  EXPECT_THAT(placed("subject.arrays[1].dense.outputs"), HasSubstr("--dense 3x0"));
  EXPECT_THAT(placed("subject.arrays[2].conv2d.kernel_height"), HasSubstr("--conv 4x4x5x5x1x1"));
  EXPECT_THAT(placed("subject.arrays[0].density"), HasSubstr("--density"));
  EXPECT_THAT(placed("subject.arrays[0].bits"), HasSubstr("--bits"));
  EXPECT_THAT(placed("schemes[0]"), HasSubstr("--scheme"));
  EXPECT_THAT(placed("costs.profile_name"), HasSubstr("--profile"));
  EXPECT_THAT(placed("draws"), HasSubstr("--draws"));
}

}  // namespace
}  // namespace torpor::cli
