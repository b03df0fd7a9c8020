#include "client/cli/demo_table.h"

#include <cmath>

#include "client/cli/demo_report.h"
#include "client/cli/demo_stream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

DemoRow Row(double epsilon, v1::BiasPolicy::Kind bias, int64_t correct, double nasp) {
  DemoRow row;
  row.epsilon = epsilon;
  row.bias = bias;
  row.figures.samples = 1000;
  row.figures.correct = correct;
  row.figures.agreeing = correct + 50;
  row.figures.loss = 0.4567;
  row.figures.nasp = nasp;
  row.figures.images_per_second = 12345.6;
  row.figures.latency_p99_ms = 7.5;
  return row;
}

TEST(DemoTable, LinesStandUnderTheirHeader) {
  const std::string header = DemoTableHeader();
  const std::string line = DemoTableLine(Row(0.1, v1::BiasPolicy::HOMOGENEOUS, 876, 0.079));
  EXPECT_EQ(line.size(), header.size());
  EXPECT_THAT(line, HasSubstr("0.1  homogeneous"));
  EXPECT_THAT(line, HasSubstr("87.60 %"));
  EXPECT_THAT(line, HasSubstr("92.60 %"));
  EXPECT_THAT(line, HasSubstr("7.90 %"));
  EXPECT_THAT(line, HasSubstr("12346"));
  EXPECT_EQ(header.find("accuracy") + 8, line.find("87.60 %") + 7);
}

TEST(DemoTable, ProgressStaysWithinItsBar) {
  EXPECT_THAT(DemoProgressLine(0.5, v1::BiasPolicy::NONE, 500, 1000),
              HasSubstr("[##########..........]  50 %"));
  EXPECT_THAT(DemoProgressLine(0.5, v1::BiasPolicy::NONE, 2000, 1000), HasSubstr("100 %"));
  EXPECT_THAT(DemoProgressLine(0.5, v1::BiasPolicy::NONE, 0, 0), HasSubstr("  0 %"));
}

TEST(DemoTable, JsonHoldsFractions) {
  const Json json = DemoRowJson(Row(0.2, v1::BiasPolicy::TABLE, 467, 0.3));
  EXPECT_EQ(json["bias"], "table");
  EXPECT_DOUBLE_EQ(json["accuracy"].get<double>(), 0.467);
  EXPECT_DOUBLE_EQ(json["nasp"].get<double>(), 0.3);
}

TEST(DemoTable, SweepRowHasIntervals) {
  const v1::PowerSweepRow row = ToSweepRow(Row(0.2, v1::BiasPolicy::TABLE, 500, 0.3));
  EXPECT_DOUBLE_EQ(row.accuracy(), 0.5);
  EXPECT_NEAR(row.accuracy_low(), 0.469, 1e-3);
  EXPECT_NEAR(row.accuracy_high(), 0.531, 1e-3);
}

TEST(BinaryCrossEntropy, EqualsItsDefinitionAndStaysFinite) {
  const float scores[] = {0.5f, -2.0f, 1.0f};
  auto sigmoid = [](double s) { return 1 / (1 + std::exp(-s)); };
  const double expected =
      -std::log(1 - sigmoid(0.5)) - std::log(1 - sigmoid(-2)) - std::log(sigmoid(1));
  EXPECT_NEAR(BinaryCrossEntropy(scores, 3, 2), expected, 1e-12);
  const float large[] = {1000.0f, -1000.0f};
  EXPECT_DOUBLE_EQ(BinaryCrossEntropy(large, 2, 1), 2000);
  EXPECT_DOUBLE_EQ(BinaryCrossEntropy(large, 2, 0), 0);
}

TEST(Quantile, IsTheNearestRank) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Quantile({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(Quantile({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(Quantile({4, 1, 3, 2}, 0.99), 4);
  EXPECT_EQ(Quantile({4, 1, 3, 2}, 0), 1);
}

TEST(BinReplies, CountsByTimeAndLeavesOutTheTornLastBin) {
  StreamTotals stream;
  stream.replies = {{0.01, 5, 32}, {0.05, 7, 32}, {0.25, 9, 16}, {0.31, 1, 32}};
  const TimeLine line = BinReplies(stream, 0.1);
  ASSERT_EQ(line.at_s.size(), 3u);
  EXPECT_NEAR(line.images_per_second[0], 640, 1e-9);
  EXPECT_NEAR(line.images_per_second[1], 0, 1e-9);
  EXPECT_NEAR(line.images_per_second[2], 160, 1e-9);
  EXPECT_EQ(line.latency_p50_ms[0], 5);
  EXPECT_EQ(line.latency_p99_ms[0], 7);
  EXPECT_TRUE(std::isnan(line.latency_p50_ms[1]));
}

TEST(BinReplies, KeepsTheLastBinWhenAllRepliesCameInIt) {
  StreamTotals stream;
  stream.replies = {{0.21, 5, 32}, {0.25, 7, 32}};
  const TimeLine line = BinReplies(stream, 0.1);
  ASSERT_EQ(line.at_s.size(), 3u);
  EXPECT_EQ(line.images_per_second[0], 0);
  EXPECT_NEAR(line.images_per_second[2], 640, 1e-9);
  EXPECT_TRUE(std::isnan(line.latency_p50_ms[1]));
  EXPECT_EQ(line.latency_p50_ms[2], 5);

  stream.replies = {{0.01, 5, 32}};
  EXPECT_EQ(BinReplies(stream, 0.1).latency_p50_ms, std::vector<double>{5});
}

DemoRecord Record() {
  DemoRecord record;
  record.dataset = "fashion-mnist";
  record.hidden_units = 1000;
  record.column_noise = 0.01;
  record.training.mutable_spec()->mutable_train()->set_epochs(3);
  record.rows = {Row(1, v1::BiasPolicy::NONE, 880, 1), Row(0.1, v1::BiasPolicy::NONE, 480, 0.09),
                 Row(0.1, v1::BiasPolicy::HOMOGENEOUS, 700, 0.08)};
  record.rows[1].switch_begin_s = 0.1;
  record.rows[1].switch_end_s = 0.11;
  record.rows[2].switch_begin_s = 0.2;
  record.rows[2].switch_end_s = 0.21;
  record.stream.items_sent = record.stream.items_answered = 40;
  record.stream.samples_answered = 1280;
  record.stream.seconds = 0.4;
  for (int i = 0; i < 40; ++i) record.stream.replies.push_back({0.01 * i, 2.0 + i % 3, 32});
  v1::PowerSweepRow quiet;
  quiet.set_epsilon(0.1);
  quiet.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  quiet.set_accuracy(0.88);
  quiet.set_agreement(1);
  quiet.set_nasp(0.08);
  record.noiseless = {quiet};
  return record;
}

TEST(ExplainDemo, SpeaksOfWhatWasMeasuredAlone) {
  const std::vector<std::string> said = ExplainDemo(Record());
  std::string all;
  for (const std::string& line : said) all += line + "\n";
  EXPECT_THAT(all, HasSubstr("70.00 %"));
  // 1 % noise on a signal of 0.1^2 = 1 % of its size: as large as the signal.
  EXPECT_THAT(all, HasSubstr("the noise is 100 % of the signal's spread"));
  EXPECT_THAT(all, HasSubstr("agrees with full power on 100.00 % of the images"));
  EXPECT_THAT(all, Not(HasSubstr("Table I")));
  DemoRecord quiet = Record();
  quiet.column_noise = 0;
  all.clear();
  for (const std::string& line : ExplainDemo(quiet)) all += line + "\n";
  EXPECT_THAT(all, Not(HasSubstr("adds noise")));
}

TEST(DemoPage, HoldsFiguresPlotsAndTables) {
  const absl::StatusOr<std::string> page = DemoPage(Record());
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(*page, HasSubstr("requests dropped"));
  EXPECT_THAT(*page, HasSubstr("demo-accuracy-"));
  EXPECT_THAT(*page, HasSubstr("demo-latency-"));
  EXPECT_THAT(*page, HasSubstr("homogeneous, no noise"));
  EXPECT_THAT(*page, Not(HasSubstr("<script")));
}

TEST(DemoPage, RefusesARecordWithoutModes) { EXPECT_FALSE(DemoPage(DemoRecord()).ok()); }

}  // namespace
}  // namespace torpor::cli
