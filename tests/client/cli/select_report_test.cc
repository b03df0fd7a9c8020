#include "client/cli/select_report.h"

#include <sstream>

#include "client/cli/progress.h"
#include "client/cli/select_plots.h"
#include "client/cli/select_rows.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// Float, 8 and 4 bits after training, 4 bits in training, which was stopped.
v1::Job FourArms() {
  v1::Job job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    name: "jobs/j1" state: SUCCEEDED
    spec { session: "sessions/s1" select { dataset: "datasets/mnist" reference: "n400"
                                           validation_samples: 5000 seeds: 1 } }
    arms { candidate: "n400" accuracy: 0.92 accuracy_low: 0.91 accuracy_high: 0.93
           memory_bytes: 1000000 memory_norm: 1 joules: 7e-5 pareto: true mu_low: 0
           mu_high: 0.0267 measurements { seed: 1 accuracy: 0.92 trained_samples: 600 } }
    arms { candidate: "n400" storage { scheme: POST_TRAINING quantization { weight_bits: 8
           rounding: NEAREST } } accuracy: 0.90 accuracy_low: 0.89 accuracy_high: 0.91
           memory_bytes: 250000 memory_norm: 0.25 joules: 2e-5 pareto: true chosen: true
           mu_low: 0.0267 mu_high: 0.4 measurements { seed: 1 accuracy: 0.9 trained_samples: 600 } }
    arms { candidate: "n400" storage { scheme: POST_TRAINING quantization { weight_bits: 4
           rounding: NEAREST } } accuracy: 0.85 memory_bytes: 125000 memory_norm: 0.125
           pareto: true mu_low: 0.4 measurements { seed: 1 accuracy: 0.85 trained_samples: 600 } }
    arms { candidate: "n400" storage { scheme: IN_TRAINING quantization { weight_bits: 4
           neuron_bits: 4 rounding: TRUNCATE } } accuracy: 0.2 memory_bytes: 125000
           memory_norm: 0.125 measurements { seed: 1 accuracy: 0.2 trained_samples: 100 } }
    limits_verdict: "All limits are met." )",
                                                            &job));
  google::rpc::ErrorInfo info;
  info.set_reason("STOPPED_EARLY");
  job.mutable_arms(3)->mutable_error()->set_message("stopped");
  job.mutable_arms(3)->mutable_error()->add_details()->PackFrom(info);
  return job;
}

TEST(SelectRowsTest, ArmsInWords) {
  const v1::Job job = FourArms();
  EXPECT_EQ(StorageText(job.arms(0)), "own");
  EXPECT_EQ(ArmText(job.arms(1)), "n400 8-bit qW nearest PTQ");
  EXPECT_EQ(StorageText(job.arms(3)), "4-bit qWN truncate ITQ");
  EXPECT_EQ(ArmMarks(job.arms(1)), "pareto, chosen");
  EXPECT_EQ(ArmMarks(job.arms(3)), "stopped early, after 100 samples");
  EXPECT_EQ(MuText(job.arms(1)), "0.0267 .. 0.4");
  EXPECT_EQ(MuText(job.arms(2)), "0.4 ..");
  EXPECT_EQ(MuText(job.arms(3)), "");
}

TEST(SelectRowsTest, TheWinnerForATradeOff) {
  const v1::Job job = FourArms();
  EXPECT_EQ(BestAt(job, 0), &job.arms(0));
  EXPECT_EQ(BestAt(job, 0.1), &job.arms(1));
  EXPECT_DOUBLE_EQ(RewardOf(job.arms(1), 0.1), 0.875);
  EXPECT_EQ(BestAt(job, 5), &job.arms(2));  // never the one that was stopped
  EXPECT_EQ(BestAt(v1::Job(), 1), nullptr);
}

TEST(SelectRowsTest, OutputsForPeopleAndPrograms) {
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  PrintArms(context, FourArms());
  EXPECT_THAT(out.str(), HasSubstr("8-bit qW nearest PTQ"));
  EXPECT_THAT(out.str(), HasSubstr("250 kB"));
  EXPECT_THAT(out.str(), HasSubstr("20 uJ"));
  EXPECT_THAT(err.str(), HasSubstr("All limits are met."));
  out.str("");
  context.options.format = Format::kJson;
  PrintArms(context, FourArms(), {{"best", 1}});
  const Json json = Json::parse(out.str());
  EXPECT_EQ(json["arms"].size(), 4u);
  EXPECT_EQ(json["arms"][1]["storage"]["quantization"]["weight_bits"], 8);
  EXPECT_EQ(json["arms"][1]["memory_bytes"], 250000);
  EXPECT_FALSE(json["arms"][2].contains("joules"));  // unknown is not zero
  EXPECT_EQ(json["best"], 1);
  EXPECT_THAT(ArmCsv(FourArms()), HasSubstr("n400,4-bit qW nearest PTQ,0.85,"));
}

TEST(SelectProgressTest, WatchersSeeArmsAsTheyAreMeasured) {
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  {
    JobProgress progress(context, ProgressStyle::kLines);
    v1::Job job;
    job.set_name("jobs/j1");
    job.mutable_spec()->mutable_select();
    job.set_state(v1::JobState::RUNNING);
    job.mutable_progress()->set_epoch(3);
    job.mutable_progress()->set_epochs(148);
    progress.OnJob(job);
    v1::JobEvent started;
    started.mutable_started()->set_attempt(2);
    started.mutable_started()->set_resumed_from_epoch(17);
    progress.OnEvent(started);
    v1::JobEvent event;
    *event.mutable_arm() = FourArms().arms(1);
    progress.OnEvent(event);
  }
  EXPECT_THAT(err.str(), HasSubstr("j1 select  measured 3/148  "));
  EXPECT_THAT(err.str(), HasSubstr("attempt 2 goes on after measurement 17\n"));
  EXPECT_THAT(err.str(), HasSubstr("n400 8-bit qW nearest PTQ  seed 1  acc 90.00 % after 600 "
                                   "samples  250 kB"));
}

TEST(SelectPlotsTest, FiguresHaveUnitsAndTheFloatBaseline) {
  const v1::Job job = FourArms();
  const std::vector<SelectPlot> accuracy = AccuracyByBits(job);
  ASSERT_THAT(accuracy, SizeIs(1));  // nothing finished in qWN
  const Plot& plot = accuracy[0].plot;
  EXPECT_EQ(plot.x.label, "precision (bits)");
  EXPECT_EQ(plot.y.label, "accuracy (%)");
  ASSERT_THAT(plot.series, SizeIs(2));
  ASSERT_THAT(plot.series[0].points, SizeIs(2));
  EXPECT_EQ(plot.series[0].points[0].x, 4);
  EXPECT_EQ(plot.series[0].points[1].x, 8);
  EXPECT_EQ(plot.series[0].points[1].y, 90);
  EXPECT_EQ(plot.series[1].name, "own storage");
  EXPECT_EQ(plot.series[1].points[0].y, 92);

  // Memory is known of the stopped arm too.
  const Plot memory = MemoryByBits(job).at(0).plot;
  EXPECT_EQ(memory.y.label, "memory (kB)");
  ASSERT_THAT(memory.series, SizeIs(3));
  EXPECT_EQ(memory.series[0].points[0].y, 125);

  // Where the energy is unknown there is no point.
  const Plot energy = EnergyByBits(job).at(0).plot;
  ASSERT_THAT(energy.series[0].points, SizeIs(1));
  EXPECT_NEAR(energy.series[0].points[0].y, 20, 1e-9);
}

TEST(SelectPlotsTest, TheEnvelopeGoesThroughTheChangesOfWinner) {
  const Plot plot = RewardByMu(FourArms()).at(0).plot;
  ASSERT_THAT(plot.series, SizeIs(4));
  const std::vector<Point>& envelope = plot.series[0].points;
  ASSERT_THAT(envelope, SizeIs(4));
  EXPECT_EQ(envelope[0].y, 0.92);
  EXPECT_DOUBLE_EQ(envelope[2].x, 0.4);
  EXPECT_DOUBLE_EQ(envelope[2].y, 0.80);
  EXPECT_DOUBLE_EQ(envelope[3].x, 0.5);
  EXPECT_THAT(plot.marks, SizeIs(2));
  // A change of winner far off would leave nothing to be seen of the others.
  v1::Job far = FourArms();
  far.mutable_arms(1)->set_mu_high(300);
  far.mutable_arms(2)->set_mu_low(300);
  const SelectPlot near = RewardByMu(far).at(0);
  EXPECT_THAT(near.plot.series, SizeIs(3));
  EXPECT_NEAR(*near.plot.x.maximum, 1.25 * 0.0267, 1e-12);
  EXPECT_THAT(near.caption, HasSubstr("1 more win for larger mu"));
  const Plot pareto = AccuracyByMemory(FourArms()).at(0).plot;
  for (const Series& series : pareto.series) {
    EXPECT_NE(series.name, "ITQ") << "a stopped arm is drawn";
    if (series.name != "Pareto set") continue;
    EXPECT_THAT(series.points, SizeIs(3));
  }
}

TEST(SelectReportTest, ThePageHoldsTheFiguresAndNoScript) {
  const auto report = MakeSelectReport(FourArms());
  ASSERT_TRUE(report.ok()) << report.status();
  for (const char* text :
       {"n400 8-bit qW nearest PTQ", "90.00 %", "250 kB", "All limits are met.",
        "Accuracy by precision", "upper envelope", "stopped early", "no test sample was used"}) {
    EXPECT_THAT(report->html, HasSubstr(text));
  }
  EXPECT_THAT(report->html, Not(HasSubstr("<script")));
  std::vector<std::string> names;
  for (const auto& [suffix, content] : report->files) names.push_back(suffix);
  EXPECT_THAT(names, ::testing::ElementsAre("-fig6-accuracy-n400-qw.svg", "-fig7-memory.svg",
                                            "-fig8-energy-n400-qw.svg", "-fig9-reward.svg",
                                            "-fig9-pareto.svg", ".csv"));
}

TEST(SelectReportTest, ASelectionOfOwnStoragesAloneHasAPageToo) {
  v1::Job job = FourArms();
  job.mutable_arms()->DeleteSubrange(1, 3);
  job.mutable_arms(0)->clear_mu_high();
  const auto report = MakeSelectReport(job);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->html, Not(HasSubstr("by precision</h2>")));
}

}  // namespace
}  // namespace torpor::cli
