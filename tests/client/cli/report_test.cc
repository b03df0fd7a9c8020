#include "client/cli/report_page.h"

#include "client/cli/mode_rows.h"

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::PowerSweepRow Row(double epsilon, v1::BiasPolicy::Kind bias, double accuracy) {
  v1::PowerSweepRow row;
  row.set_epsilon(epsilon);
  row.set_bias(bias);
  row.set_accuracy(accuracy);
  row.set_accuracy_low(accuracy - 0.01);
  row.set_accuracy_high(accuracy + 0.01);
  row.set_loss(0.5);
  row.set_ece(0.02);
  row.set_agreement(0.97);
  row.set_agreement_low(0.96);
  row.set_agreement_high(0.98);
  row.set_nasp(epsilon == 1 ? 1 : 0.9 * epsilon);
  row.set_nasp_nominal(epsilon);
  row.set_samples(10000);
  v1::NoiseAccuracy& noise = *row.add_noise_accuracy();
  noise.set_level(0.01);
  noise.set_accuracy(0.9);
  noise.set_low(0.88);
  noise.set_high(0.92);
  noise.set_seeds(5);
  return row;
}

ReportInput Input() {
  ReportInput input;
  input.session.set_name("sessions/s1<b>");
  input.session.mutable_network()->mutable_rate()->mutable_input()->add_shape(784);
  v1::RateLayer* layer = input.session.mutable_network()->mutable_rate()->add_layers();
  layer->mutable_dense()->set_units(10);
  layer->set_activation(v1::Activation::SIGMOID);
  input.job.set_name("jobs/j1");
  input.job.mutable_spec()->mutable_power_sweep()->set_dataset("datasets/mnist");
  input.job.mutable_provenance()->set_git_commit("abc123");
  input.job.mutable_provenance()->set_dataset_digest("d1gest");
  *input.job.add_rows() = Row(1, v1::BiasPolicy::NONE, 0.92);
  *input.job.add_rows() = Row(0.1, v1::BiasPolicy::NONE, 0.5);
  *input.job.add_rows() = Row(0.1, v1::BiasPolicy::TABLE, 0.918);
  v1::PowerSweepRow* bad = input.job.add_rows();
  bad->set_epsilon(0.05);
  bad->set_bias(v1::BiasPolicy::TABLE);
  bad->mutable_error()->set_message("needs \"calibration\"");
  return input;
}

TEST(ModeCsv, HasOneLineAModeAndTheSameColumnsEverywhere) {
  const std::string csv = ModeCsv(Input().job);
  const std::vector<std::string> lines = absl::StrSplit(csv, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0],
            "epsilon,bias,accuracy,accuracy_low,accuracy_high,loss,loss_low,loss_high,ece,ece_low,"
            "ece_high,agreement,agreement_low,agreement_high,nasp,nasp_low,nasp_high,nasp_nominal,"
            "noise_1%,noise_1%_low,noise_1%_high,samples,error.message");
  EXPECT_EQ(lines[1],
            "1.0,none,0.92,0.91,0.93,0.5,0.0,0.0,0.02,0.0,0.0,0.97,0.96,0.98,1.0,0.0,0.0,1.0,0.9,"
            "0.88,0.92,10000,");
  EXPECT_EQ(lines[4], "0.05,table,,,,,,,,,,,,,,,,,,,,,\"needs \"\"calibration\"\"\"");
  for (const std::string& line : lines) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), 22) << line;
  }
}

TEST(MakeReport, HoldsTableProvenanceAndFilesBesideIt) {
  const absl::StatusOr<Report> report = MakeReport(Input());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->html, HasSubstr("Power report of s1&lt;b&gt;"));
  EXPECT_THAT(report->html, Not(HasSubstr("s1<b>")));
  EXPECT_THAT(report->html, HasSubstr("commit abc123"));
  EXPECT_THAT(report->html, HasSubstr("d1gest"));
  EXPECT_THAT(report->html, HasSubstr("91.80 %"));
  EXPECT_THAT(report->html, HasSubstr("90.80 to 92.80 %"));
  // The cheapest mode within a point of full power is table at 0.1, which draws 9 %.
  EXPECT_THAT(report->html, HasSubstr("<strong>9.0 %</strong>"));
  EXPECT_THAT(report->html, HasSubstr("needs &quot;calibration&quot;"));
  EXPECT_THAT(report->html, HasSubstr("88.00 to 92.00 %"));
  ASSERT_EQ(report->files.size(), 6u);
  EXPECT_EQ(report->files[0].first, "-accuracy.svg");
  EXPECT_THAT(report->files[0].second, HasSubstr("<?xml"));
  EXPECT_EQ(report->files[4].first, "-noise100.svg");
  EXPECT_EQ(report->files[5].first, ".csv");
}

}  // namespace
}  // namespace torpor::cli
