#include "client/cli/demo_report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/report_page.h"
#include "client/cli/report_plots.h"

namespace torpor::cli {
namespace {

// The row of a policy with the smallest epsilon; null without one.
const DemoRow* Lowest(const DemoRecord& record, v1::BiasPolicy::Kind bias) {
  const DemoRow* lowest = nullptr;
  for (const DemoRow& row : record.rows) {
    if (row.bias == bias && (lowest == nullptr || row.epsilon < lowest->epsilon)) lowest = &row;
  }
  return lowest;
}

std::string Thousands(int64_t value) {
  std::string text = absl::StrCat(value);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), 1, ',');
  }
  return text;
}

std::vector<Curve> Curves(const DemoRecord& record) {
  std::vector<v1::PowerSweepRow> rows;
  for (const DemoRow& row : record.rows) rows.push_back(ToSweepRow(row));
  std::vector<Curve> curves = CurvesByPolicy(rows);
  if (!record.noiseless.empty()) curves.push_back({"homogeneous, no noise", 3, record.noiseless});
  return curves;
}

std::vector<Mark> SwitchMarks(const DemoRecord& record) {
  std::vector<Mark> marks;
  for (const DemoRow& row : record.rows) {
    // The first row is where the stream began: nothing was switched.
    if (row.switch_end_s <= row.switch_begin_s) continue;
    marks.push_back(
        {row.switch_begin_s, absl::StrFormat("%s %.4g", PolicyName(row.bias), row.epsilon)});
  }
  return marks;
}

Plot TimePlot(const DemoRecord& record, const std::string& name, const std::string& title,
              const std::string& unit) {
  Plot plot;
  plot.name = name;
  plot.title = title;
  plot.x.label = "time since the stream began (s); dotted: a switch";
  plot.x.minimum = 0;
  plot.x.maximum = record.stream.seconds;
  plot.y.label = unit;
  plot.y.minimum = 0;
  // Room above the curve for the names of the modes.
  plot.headroom = 0.9;
  plot.legend = "outside top right horizontal";
  plot.marks = SwitchMarks(record);
  plot.width = 1100;
  plot.height = 360;
  return plot;
}

Series TimeSeries(const TimeLine& line, const std::vector<double>& values, const std::string& name,
                  int look) {
  Series series;
  series.name = name;
  series.look = look;
  series.style = Series::Style::kLine;
  for (size_t i = 0; i < values.size(); ++i) {
    series.points.push_back({line.at_s[i], values[i], std::nullopt, std::nullopt});
  }
  return series;
}

double WorstSwitchMs(const DemoRecord& record) {
  double worst = 0;
  for (const DemoRow& row : record.rows) {
    worst = std::max(worst, 1e3 * (row.switch_end_s - row.switch_begin_s));
  }
  return worst;
}

absl::Status AddPlots(const DemoRecord& record, HtmlPage& page) {
  const std::vector<Curve> curves = Curves(record);
  std::vector<std::pair<std::string, std::string>> figures;
  const std::pair<Plot, const char*> plots[] = {
      {AccuracyPlot(curves, "demo-"),
       "Share of test images classified right. Bars: 95 % interval."},
      {NaspPlot(curves, "demo-"),
       "Synaptic power relative to full power, same images, as the replies reported it."},
      {AgreementPlot(curves, "demo-"),
       "Share of images that get the answer they got at full power."},
      {TradeOffPlot(curves, "demo-"),
       "Up and to the left is better: more right answers for less power."}};
  for (const auto& [plot, caption] : plots) {
    CLI_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(plot));
    figures.emplace_back(svg, caption);
  }
  page.Heading("Accuracy and power against epsilon");
  page.Svg(figures);

  page.Heading("The stream while it was switched");
  // A hundred bins a run, but none finer than a few replies nor coarser than a switch.
  const double bin_s = std::clamp(record.stream.seconds / 100, 0.002, 0.1);
  const TimeLine line = BinReplies(record.stream, bin_s);
  Plot rate = TimePlot(record, "demo-rate", "Throughput", "images/s");
  rate.series = {TimeSeries(line, line.images_per_second, "", 2)};
  Plot latency = TimePlot(record, "demo-latency", "Latency of an item", "latency (ms)");
  latency.series = {TimeSeries(line, line.latency_p50_ms, "median", 2),
                    TimeSeries(line, line.latency_p99_ms, "99th percentile", 0)};
  CLI_ASSIGN_OR_RETURN(const std::string rate_svg, RenderSvg(rate));
  CLI_ASSIGN_OR_RETURN(const std::string latency_svg, RenderSvg(latency));
  page.Svg({{rate_svg, absl::StrFormat("Images answered, in bins of %.3g s.", bin_s)}});
  page.Svg(
      {{latency_svg,
        absl::StrFormat(
            "From writing an item to reading its reply, in bins of %.3g s, with eight items in "
            "flight: waiting for the items before it is included.",
            bin_s)}});
  return absl::OkStatus();
}

void AddTables(const DemoRecord& record, HtmlPage& page) {
  page.Heading("All modes");
  std::vector<std::vector<std::string>> modes, switches;
  for (const DemoRow& row : record.rows) {
    const v1::PowerSweepRow sweep = ToSweepRow(row);
    const std::string epsilon = absl::StrFormat("%.4g", row.epsilon);
    modes.push_back({epsilon, PolicyName(row.bias), Percent(row.accuracy()),
                     PercentRange(sweep.accuracy_low(), sweep.accuracy_high()),
                     absl::StrFormat("%.4f", row.figures.loss), Percent(row.agreement()),
                     Percent(row.figures.nasp),
                     absl::StrFormat("%.0f", row.figures.images_per_second)});
    if (row.switch_end_s <= row.switch_begin_s) continue;
    switches.push_back({epsilon, PolicyName(row.bias), absl::StrCat(row.figures.generation),
                        absl::StrFormat("%.2f", row.prepare_ms),
                        absl::StrFormat("%.4f", row.swap_ms),
                        absl::StrFormat("%.1f", 1e3 * (row.switch_end_s - row.switch_begin_s)),
                        absl::StrFormat("%.2f", row.figures.latency_p50_ms),
                        absl::StrFormat("%.2f", row.figures.latency_p99_ms)});
  }
  page.Table(
      {"epsilon", "<bias", "accuracy", "95 % interval", "loss", "agreement", "NASP", "images/s"},
      modes,
      "Each of the test images is counted once in every mode; agreement and NASP are relative to "
      "the first row.");
  if (!record.noiseless.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const v1::PowerSweepRow& row : record.noiseless) {
      if (row.has_error()) continue;
      rows.push_back({absl::StrFormat("%.4g", row.epsilon()), PolicyName(row.bias()),
                      Percent(row.accuracy()), Percent(row.agreement()), Percent(row.nasp())});
    }
    page.Table({"epsilon", "<bias", "accuracy", "agreement", "NASP"}, rows,
               "The same network on a realisation without noise, measured by a sweep job after the "
               "stream.");
  }
  page.Heading("The switches");
  page.Table({"epsilon", "<bias", "generation", "prepare (ms)", "swap (ms)", "round trip (ms)",
              "p50 (ms)", "p99 (ms)"},
             switches,
             "Prepare: the new deployment is built beside the running one. Swap: it takes its "
             "place. Round trip: "
             "from request to answer with the durable write, which the stream does not wait for. "
             "p50 and p99: "
             "latency of items in that mode.");
}

}  // namespace

TimeLine BinReplies(const StreamTotals& stream, double bin_s) {
  TimeLine line;
  if (stream.replies.empty() || !(bin_s > 0)) return line;
  double last = 0;
  for (const StreamReply& reply : stream.replies) last = std::max(last, reply.at_s);
  // The last bin is not full: it would look like a fall. Unless every reply came in it, on a short
  // stream whose first reply was slow: then it is all there is to show.
  size_t bins = static_cast<size_t>(last / bin_s);
  const bool all_in_last = std::all_of(
      stream.replies.begin(), stream.replies.end(),
      [&](const StreamReply& reply) { return static_cast<size_t>(reply.at_s / bin_s) >= bins; });
  if (all_in_last) ++bins;
  std::vector<std::vector<double>> latencies(bins);
  line.images_per_second.resize(bins);
  for (const StreamReply& reply : stream.replies) {
    const size_t bin = static_cast<size_t>(reply.at_s / bin_s);
    if (bin >= bins) continue;
    line.images_per_second[bin] += reply.samples / bin_s;
    latencies[bin].push_back(reply.latency_ms);
  }
  for (size_t i = 0; i < bins; ++i) {
    line.at_s.push_back((static_cast<double>(i) + 0.5) * bin_s);
    // A bin without a reply has no latency; not a number is left out of plots.
    const double none = std::nan("");
    line.latency_p50_ms.push_back(latencies[i].empty() ? none : Quantile(latencies[i], 0.5));
    line.latency_p99_ms.push_back(latencies[i].empty() ? none : Quantile(latencies[i], 0.99));
  }
  return line;
}

std::vector<std::string> ExplainDemo(const DemoRecord& record) {
  std::vector<std::string> said;
  if (record.rows.empty()) return said;
  auto figures = [](const DemoRow& row) {
    return absl::StrFormat(
        "at epsilon %.4g it classifies %s right with %s of the power, and gives the full-power "
        "answer for %s of the images.",
        row.epsilon, Percent(row.accuracy()), Percent(row.figures.nasp, 1),
        Percent(row.agreement()));
  };
  said.push_back(
      absl::StrFormat("At full power the network classifies %s of the test images right. Epsilon "
                      "scales every synaptic weight; the "
                      "power that the synapses draw falls with it, and faster than epsilon in the "
                      "second layer, whose inputs shrink too.",
                      Percent(record.rows.front().accuracy())));
  if (const DemoRow* row = Lowest(record, v1::BiasPolicy::NONE)) {
    said.push_back(
        absl::StrCat("none keeps the trained biases. The weighted sums shrink and the biases do "
                     "not, so the biases decide more and "
                     "more: ",
                     figures(*row)));
  }
  if (const DemoRow* row = Lowest(record, v1::BiasPolicy::TABLE)) {
    said.push_back(
        absl::StrCat("table is the closed form of Merkel's Table I. It was made for one layer. In "
                     "a hidden ReLU layer it lifts every "
                     "unit towards its mean when firing, though most units are silent most of the "
                     "time; the lift costs power and "
                     "drowns the answer: ",
                     figures(*row)));
  }
  if (const DemoRow* row = Lowest(record, v1::BiasPolicy::HOMOGENEOUS)) {
    said.push_back(
        absl::StrCat("homogeneous scales the bias of layer l by epsilon to the power of l. Every "
                     "output of a ReLU network then "
                     "shrinks by the same factor, so the largest stays the largest: ",
                     figures(*row)));
    if (!record.noiseless.empty()) {
      const v1::PowerSweepRow* quiet = nullptr;
      for (const v1::PowerSweepRow& r : record.noiseless) {
        if (!r.has_error() && (quiet == nullptr || r.epsilon() < quiet->epsilon())) quiet = &r;
      }
      if (quiet != nullptr) {
        said.push_back(
            absl::StrFormat("Without noise nothing would be lost: on the same network with the "
                            "noise off, homogeneous at epsilon %.4g "
                            "agrees with full power on %s of the images. That is algebra, not "
                            "luck, and would make a demo that proves "
                            "nothing.",
                            quiet->epsilon(), Percent(quiet->agreement())));
      }
    }
    if (record.column_noise > 0) {
      const double signal = row->epsilon * row->epsilon;
      said.push_back(
          absl::StrFormat("What a small signal costs is noise. This simulated chip adds noise to "
                          "every column, %.3g %% of the spread "
                          "of the full-power signal, and the noise does not shrink with epsilon. "
                          "At epsilon %.4g the signal of the "
                          "last layer is %.3g %% of its full size, so there the noise is %.3g %% "
                          "of the signal's spread. That, and "
                          "nothing else, is what homogeneous loses.",
                          100 * record.column_noise, row->epsilon, 100 * signal,
                          100 * record.column_noise / signal));
    }
  }
  said.push_back(
      "Loss rises before accuracy falls: smaller outputs mean less certain probabilities, even "
      "where the winner stays.");
  return said;
}

std::vector<std::string> DemoNextCommands(const std::string& program, const std::string& dataset) {
  return {absl::StrCat(program, " server start"),
          absl::StrCat(program, " session create -f client/recipes/mlp-784-1000-10.yaml --name s1"),
          absl::StrCat(program, " job submit train s1 --dataset ", dataset, " --watch"),
          absl::StrCat(program, " power set s1 --epsilon 0.2 --bias homogeneous"),
          absl::StrCat(program, " report create s1 --dataset ", dataset)};
}

absl::StatusOr<std::string> DemoPage(const DemoRecord& record) {
  if (record.rows.empty()) return absl::InvalidArgumentError("no mode was measured");
  HtmlPage page("A network in torpor");
  const DemoRow* lowest = &record.rows.front();
  for (const DemoRow& row : record.rows) {
    if (row.figures.nasp < lowest->figures.nasp) lowest = &row;
  }
  page.Lead(absl::StrFormat(
      "A network of %d hidden ReLU units, trained on %s for %d epochs, kept classifying test "
      "images "
      "while its power mode was switched %d times, down to %s of its full synaptic power.",
      record.hidden_units, record.dataset, record.training.spec().train().epochs(),
      static_cast<int>(record.rows.size()) - 1, Percent(lowest->figures.nasp, 1)));
  page.Figures(
      {{Percent(record.rows.front().accuracy()), "accuracy at full power"},
       {Percent(lowest->figures.nasp, 1), "of the synaptic power in the lowest mode"},
       {Thousands(record.stream.samples_answered),
        absl::StrFormat("images answered in %.0f s", record.stream.seconds)},
       {absl::StrCat(record.stream.dropped()), "requests dropped"},
       {absl::StrCat(record.stream.wrong_generation), "replies from a mode that was not asked for"},
       {absl::StrFormat("%.1f ms", WorstSwitchMs(record)), "longest switch, request to answer"}});
  page.Heading("What is seen");
  page.List(ExplainDemo(record));
  CLI_RETURN_IF_ERROR(AddPlots(record, page));
  AddTables(record, page);
  page.Heading("Try next");
  page.Code(absl::StrJoin(DemoNextCommands(record.program, record.dataset), "\n"));
  page.Heading("Made with");
  auto entries = ProvenanceEntries(record.training.provenance());
  entries.emplace_back(
      "network", absl::StrCat(record.inputs, " - ", record.hidden_units, " ReLU - ", record.classes,
                              " sigmoid, binary cross-entropy"));
  entries.emplace_back(
      "training", absl::StrFormat("%d epochs in %.0f s", record.training.spec().train().epochs(),
                                  record.training_seconds));
  entries.emplace_back("column noise", Percent(record.column_noise));
  entries.emplace_back("written",
                       absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::Now(), absl::UTCTimeZone()));
  page.Definitions(entries);
  page.Paragraph(
      "NASP is the normalised average synaptic power of C. Merkel, Synaptic Scaling and Optimal "
      "Bias Adjustments for "
      "Power Reduction in Neuromorphic Systems: simulated, and of the synapses alone. One seed; "
      "intervals are Wilson's.");
  return page.Finish();
}

}  // namespace torpor::cli
