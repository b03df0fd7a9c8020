#include "client/cli/report_page.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/mode_levers.h"
#include "client/cli/mode_rows.h"
#include "client/cli/report_plots.h"
#include "client/cli/rpc.h"
#include "client/cli/weight_plots.h"

namespace torpor::cli {
namespace {

std::string Four(double value) { return absl::StrFormat("%.4g", value); }

std::string LayerText(const v1::RateLayer& layer) {
  std::string text;
  switch (layer.kind_case()) {
    case v1::RateLayer::kDense:
      text = absl::StrCat(layer.dense().units());
      break;
    case v1::RateLayer::kConv2D:
      text = absl::StrCat(layer.conv2d().channels(), " channels ",
                          absl::StrJoin(layer.conv2d().kernel(), " x "));
      break;
    case v1::RateLayer::kAvgPool2D:
      return absl::StrCat("average of ", absl::StrJoin(layer.avg_pool2d().kernel(), " x "));
    case v1::RateLayer::kMaxPool2D:
      return absl::StrCat("largest of ", absl::StrJoin(layer.max_pool2d().kernel(), " x "));
    default:
      return "flat";
  }
  return absl::StrCat(text, " ",
                      absl::AsciiStrToLower(v1::Activation::Kind_Name(layer.activation())));
}

std::string NetworkText(const v1::Network& network) {
  if (network.has_ensemble()) {
    return absl::StrCat(
        "of ", network.ensemble().members_size(), " members (the first: ",
        network.ensemble().members().empty() ? "none" : NetworkText(network.ensemble().members(0)),
        ")");
  }
  if (network.has_truenorth()) {
    std::string grid = absl::StrJoin(network.truenorth().input().shape(), " x ");
    for (const v1::BlockLayer& layer : network.truenorth().layers()) {
      absl::StrAppend(&grid, " - cores on blocks of ", layer.block(), ", stride ", layer.stride());
    }
    return grid;
  }
  std::string text = absl::StrJoin(network.rate().input().shape(), " x ");
  for (const v1::RateLayer& layer : network.rate().layers()) {
    absl::StrAppend(&text, " - ", LayerText(layer));
  }
  return text;
}

// Levers that a table of modes names: the axis, the policy where there is one, and what differs.
std::vector<std::string> ShownLevers(const std::vector<v1::PowerSweepRow>& rows) {
  const ModeLevers levers = LeversOf(rows);
  std::vector<std::string> shown = {levers.x};
  for (const v1::PowerSweepRow& row : rows) {
    if (!row.has_bias()) continue;
    shown.push_back("bias");
    break;
  }
  for (const std::string& lever : levers.others) {
    if (lever != "bias") shown.push_back(lever);
  }
  return shown;
}

// What a family alone has.
struct ExtraFigures {
  bool steps = false;
  bool joules = false;
};

ExtraFigures ExtrasOf(const v1::Job& job) {
  ExtraFigures extras;
  for (const v1::PowerSweepRow& row : job.rows()) {
    extras.steps = extras.steps || row.has_steps();
    extras.joules = extras.joules || row.has_joules();
  }
  return extras;
}

std::string MeanAndRange(const v1::Distribution& distribution, double scale) {
  return absl::StrCat(Four(scale * distribution.mean()), " (", Four(scale * distribution.p5()),
                      " to ", Four(scale * distribution.p95()), ")");
}

std::vector<std::string> TableHead(const std::vector<std::string>& levers,
                                   const ExtraFigures& extras, const std::vector<double>& noise) {
  std::vector<std::string> head;
  // Words are set to the left, numbers to the right.
  for (const std::string& lever : levers) head.push_back(lever == "bias" ? "<bias" : lever);
  head.insert(head.end(), {"accuracy", "95 % interval", "loss", "ECE", "agreement", "95 % interval",
                           "NASP", "NASP nominal"});
  if (extras.steps) head.push_back("steps (5 to 95 % of samples)");
  if (extras.joules) head.push_back("energy, nJ (5 to 95 %)");
  for (double level : noise) {
    head.push_back(NoiseTitle(level));
    head.push_back("95 % interval");
  }
  return head;
}

std::vector<std::vector<std::string>> TableRows(const v1::Job& job,
                                                const std::vector<std::string>& levers,
                                                const ExtraFigures& extras,
                                                const std::vector<double>& noise) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::PowerSweepRow& row : job.rows()) {
    std::vector<std::string> cells;
    for (const std::string& lever : levers) cells.push_back(LeverText(row, lever));
    if (row.has_error()) {
      cells.push_back(absl::StrCat("not measured: ", row.error().message()));
      rows.push_back(std::move(cells));
      continue;
    }
    cells.insert(cells.end(),
                 {Percent(row.accuracy()), PercentRange(row.accuracy_low(), row.accuracy_high()),
                  Four(row.loss()), Percent(row.ece()), Percent(row.agreement()),
                  PercentRange(row.agreement_low(), row.agreement_high()), Percent(row.nasp()),
                  Percent(row.nasp_nominal())});
    if (extras.steps) cells.push_back(MeanAndRange(row.steps(), 1));
    if (extras.joules) {
      cells.push_back(row.has_joules() ? MeanAndRange(row.joules(), 1e9) : "unknown");
    }
    for (double level : noise) {
      const v1::NoiseAccuracy* at = AtNoise(row, level);
      cells.push_back(at == nullptr ? "" : Percent(at->accuracy()));
      cells.push_back(at == nullptr ? "" : PercentRange(at->low(), at->high()));
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

// What a page says of the levers that its table names.
std::vector<std::pair<std::string, std::string>> LeverWords(const std::vector<std::string>& shown) {
  static constexpr std::pair<const char*, const char*> kWords[] = {
      {"epsilon", "scale of every synaptic weight; 1 is full power"},
      {"bias",
       "none: as trained; table: closed form of Merkel's Table I; empirical: his eq. 11 on the "
       "training data; homogeneous: powers of epsilon; matched: keeps mean activations; tuned: "
       "trained for that epsilon"},
      {"steps", "ticks that a sample may take; all of them is full power"},
      {"copies", "copies or members of the network that vote"},
      {"margin", "lead of the first class over the second, in spikes, at which a sample stops"}};
  std::vector<std::pair<std::string, std::string>> words;
  for (const auto& [lever, meaning] : kWords) {
    if (absl::c_linear_search(shown, lever)) words.emplace_back(lever, meaning);
  }
  return words;
}

// The hardware that was measured, for the table's caption.
std::string HardwareText(const v1::Realisation& realisation, bool scaled) {
  std::string text;
  if (scaled || realisation.column_noise() != 0) {
    absl::StrAppend(&text, "; column noise ", Percent(realisation.column_noise()), ", noise seed ",
                    realisation.seed());
  }
  if (realisation.connections() == v1::Connections::SAMPLED) {
    absl::StrAppend(&text, "; ", std::max(1, realisation.copies()),
                    " copies with sampled connections, seed ", realisation.seed());
  }
  return text + ".";
}

std::string SplitWord(v1::Split::Kind split) {
  return split == v1::Split::UNSPECIFIED ? "test"
                                         : absl::AsciiStrToLower(v1::Split::Kind_Name(split));
}

// Full power up to rounding.
bool DrawsAll(const v1::PowerSweepRow& row) { return row.nasp() > 1 - 1e-9; }

// The cheapest mode that loses at most one point of accuracy against full power; null when none is
// cheaper.
const v1::PowerSweepRow* CheapestWithinOnePoint(const v1::Job& job) {
  const v1::PowerSweepRow* full = nullptr;
  for (const v1::PowerSweepRow& row : job.rows()) {
    if (!row.has_error() && DrawsAll(row) &&
        (full == nullptr || row.bias() == v1::BiasPolicy::NONE)) {
      full = &row;
    }
  }
  if (full == nullptr) return nullptr;
  const v1::PowerSweepRow* best = nullptr;
  for (const v1::PowerSweepRow& row : job.rows()) {
    if (row.has_error() || DrawsAll(row) || row.accuracy() < full->accuracy() - 0.01) continue;
    if (best == nullptr || row.nasp() < best->nasp()) best = &row;
  }
  return best;
}

std::string ModeText(const v1::PowerSweepRow& row, const std::vector<std::string>& levers) {
  std::vector<std::string> words;
  for (const std::string& lever : levers) words.push_back(LeverText(row, lever));
  return absl::StrJoin(words, ", ");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ProvenanceEntries(
    const v1::Provenance& provenance) {
  return {
      {"Torpor", absl::StrCat(provenance.engine_version(), ", commit ", provenance.git_commit())},
      {"CPU", provenance.cpu()},
      {"GEMM", provenance.gemm()},
      {"threads", absl::StrCat(provenance.threads(), " (results do not depend on it)")},
      {"seed", absl::StrCat(provenance.seed())},
      {"samples", absl::StrCat(provenance.samples())},
      {"data digest", absl::StrCat("sha256 ", provenance.dataset_digest())},
      {"job digest", absl::StrCat("sha256 ", provenance.spec_digest())}};
}

absl::StatusOr<Report> MakeReport(const ReportInput& input) {
  const v1::Job& job = input.job;
  const v1::PowerSweepSpec& sweep = job.spec().power_sweep();
  const std::vector<v1::PowerSweepRow> rows(job.rows().begin(), job.rows().end());
  const std::vector<Curve> curves = CurvesByPolicy(rows);
  const std::vector<std::string> levers = ShownLevers(rows);
  const ExtraFigures extras = ExtrasOf(job);
  const std::string session = ShortName(input.session.name());
  const bool scaled = !rows.empty() && rows.front().has_epsilon();
  const v1::Realisation& realisation =
      sweep.has_realisation() ? sweep.realisation() : input.session.realisation();

  HtmlPage page(absl::StrCat("Power report of ", session));
  page.Lead(absl::StrCat("What network ", NetworkText(input.session.network()),
                         " keeps and what it draws as its synaptic power is turned down, on ",
                         ShortName(sweep.dataset()), "."));
  if (const v1::PowerSweepRow* best = CheapestWithinOnePoint(job)) {
    page.Figures(
        {{Percent(best->nasp(), 1),
          "of the full synaptic power is enough to stay within one point"},
         {Percent(best->accuracy()), "accuracy in that mode"},
         {ModeText(*best, levers),
          absl::StrCat(absl::StrJoin(levers, ", "), " of that mode (chosen on these samples)")}});
  }

  Report report;
  std::vector<std::pair<std::string, std::string>> figures;
  std::vector<std::pair<Plot, const char*>> plots = {
      {AccuracyPlot(curves, ""), "Bars: 95 % Wilson interval of one seed."},
      {NaspPlot(curves, ""), "Inputs as each layer really sees them."},
      {AgreementPlot(curves, ""),
       "Share of samples whose class is that of full power, same realisation."},
      {TradeOffPlot(curves, ""), "Up and to the left is better."}};
  if (extras.joules) {
    plots.emplace_back(EnergyPlot(curves, ""),
                       "Mean of a sample, by the device profile named below.");
  }
  const std::vector<double> noise = NoiseLevels(job);
  for (double level : noise) {
    plots.emplace_back(NoisePlot(curves, "", level),
                       "Noise of fixed size on every column: the price of a small signal. Bars: "
                       "95 % interval over noise seeds.");
  }
  for (const auto& [plot, caption] : plots) {
    CLI_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(plot));
    figures.emplace_back(svg, caption);
    report.files.emplace_back(absl::StrCat("-", plot.name, ".svg"), StandaloneSvg(svg));
  }
  report.files.emplace_back(".csv", ModeCsv(job));
  page.Heading(absl::StrCat("Accuracy and power against ", levers.front()));
  page.Svg(figures);

  if (!input.weights.layers().empty()) {
    std::vector<std::pair<std::string, std::string>> weights;
    for (const Plot& plot : WeightPlots(input.weights, "", "")) {
      CLI_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(plot));
      weights.emplace_back(svg, "Shares of values, a curve a layer.");
      report.files.emplace_back(absl::StrCat("-", plot.name, ".svg"), StandaloneSvg(svg));
    }
    page.Heading("Weights and biases");
    page.Svg(weights);
  }

  page.Heading("All modes");
  page.Table(TableHead(levers, extras, noise), TableRows(job, levers, extras, noise),
             absl::StrCat(job.rows().empty() ? 0 : job.rows(0).samples(), " samples of the ",
                          SplitWord(sweep.split()), " split", HardwareText(realisation, scaled)));

  page.Heading("What the words mean");
  std::vector<std::pair<std::string, std::string>> words = LeverWords(levers);
  std::vector<std::pair<std::string, std::string>> figure_words = {
      {"accuracy", "share of samples whose class is the label"},
      {"loss", "the loss that the network was trained with, mean over samples"},
      {"ECE", "expected calibration error, 15 bins of the winning probability"},
      {"agreement", "share of samples whose class is that of full power on the same realisation"},
      {"NASP",
       "synaptic power (Merkel, eq. 3; for spiking networks synaptic events weighted by "
       "|w|) over the same sum at full power, same samples"},
      {"NASP nominal", "the same with the hidden inputs of the full-power network"}};
  if (!noise.empty()) {
    figure_words.emplace_back("at x % noise",
                              "accuracy when every pre-activation carries normal noise of x % of "
                              "its layer's full-power standard deviation");
  }
  words.insert(words.end(), figure_words.begin(), figure_words.end());
  page.Definitions(words);
  page.Paragraph(absl::StrCat("Power and energy are simulated, not measured.",
                              !scaled
                                  ? ""
                                  : " NASP is the synaptic part alone. Without noise, homogeneous "
                                    "keeps every class of a ReLU "
                                    "network by algebra, whatever epsilon; only noise or finite "
                                    "precision shows what a small "
                                    "signal costs."));
  if (!rows.empty() && !rows.front().energy().profile().empty()) {
    page.Paragraph(absl::StrCat("Energy is priced by the device profile ",
                                rows.front().energy().profile(), ". ",
                                rows.front().energy().caveat()));
  }

  page.Heading("Made with");
  auto entries = ProvenanceEntries(job.provenance());
  entries.emplace_back(
      "model", input.session.model().empty() ? "parameters from the seed" : input.session.model());
  entries.emplace_back("job", job.name());
  entries.emplace_back("written",
                       absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::Now(), absl::UTCTimeZone()));
  page.Definitions(entries);
  report.html = page.Finish();
  return report;
}

}  // namespace torpor::cli
