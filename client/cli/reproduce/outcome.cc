#include "client/cli/reproduce/outcome.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/report_page.h"
#include "client/cli/reproduce/figures.h"
#include "client/cli/rpc.h"

namespace torpor::cli::reproduce {
namespace {

// Metrics whose tables a terminal shows; all are on the page and in the JSON.
bool IsMain(const PivotTable& table) {
  return table.metric != "nasp_nominal" && table.metric != "loss" && table.metric != "ece" &&
         table.metric != "agreement" && table.metric.rfind("epsilon.", 0) != 0;
}

std::string MetricTitle(const std::string& metric) {
  if (metric == "nasp") return "NASP";
  if (metric == "nasp_nominal") return "NASP, nominal (hidden inputs of full power)";
  if (metric == "ece") return "expected calibration error";
  if (metric == "agreement") return "agreement with full power";
  if (metric == "steps") return "mean steps of a sample";
  if (metric == "joules" || metric == "energy") return "mean energy of a sample";
  if (metric == "forward") return "energy of a forward pass";
  if (metric == "backward_update") return "energy of backward pass and update";
  if (metric == "learning") return "energy of forward pass, backward pass and update";
  if (metric == "density") return "share of weights that are not zero";
  if (metric == "saving_rate") return "what backward pass and update save";
  if (metric == "saving") return "how many times as much the other network takes";
  return metric;
}

constexpr char kQuickWarning[] =
    "This was a quick run: fewer epochs, samples and seeds on the same path. Its figures show that "
    "it works, not what the paper's networks do.";

std::string Range(const Row& row) {
  if (!row.low || !row.high) return "-";
  return absl::StrCat(FormatValue(row.low, row.place.unit), " to ",
                      FormatValue(row.high, row.place.unit));
}

void AddClaims(const Outcome& outcome, HtmlPage& page) {
  if (outcome.recipe.claims().empty()) return;
  page.Heading("What the paper says, and what was found");
  if (outcome.findings.empty()) {
    page.Paragraph("The paper's statements are about other data; none was measured here.");
    return;
  }
  for (const Finding& finding : outcome.findings) {
    std::string verdict = VerdictName(finding.verdict);
    verdict[0] = absl::ascii_toupper(static_cast<unsigned char>(verdict[0]));
    page.Paragraph(absl::StrCat(verdict, ": ", finding.claim, " (", finding.source,
                                finding.dataset.empty() ? "" : ", ", finding.dataset, ")"));
    page.List(finding.evidence);
    if (!finding.reason.empty()) page.Paragraph(absl::StrCat("Why: ", finding.reason));
  }
  page.Paragraph(
      "Each statement was turned into bounds on rows of the tables below before the run; the "
      "verdict is what the bounds say.");
}

// Rows that the paper or an independent program has too; a line begins with the row's id.
std::vector<std::string> KnownHead() {
  return {"row", "paper", "reference", "measured", "95 % interval", "difference", "seeds"};
}

std::vector<std::vector<std::string>> KnownLines(const Outcome& outcome) {
  std::vector<std::vector<std::string>> lines;
  for (const Row& row : outcome.rows) {
    if (!row.paper && !row.reference) continue;
    const Unit unit = row.place.unit;
    std::string gap = "-";
    if (row.measured) {
      gap = FormatDifference(*row.measured - row.paper.value_or(row.reference.value_or(0)), unit);
    }
    lines.push_back(
        {row.id, FormatValue(row.paper, unit), FormatValue(row.reference, unit),
         row.measured ? FormatValue(row.measured, unit) : absl::StrCat("not measured: ", row.error),
         Range(row), gap, absl::StrCat(row.seeds)});
  }
  return lines;
}

void AddKnown(const Outcome& outcome, HtmlPage& page) {
  const std::vector<std::vector<std::string>> lines = KnownLines(outcome);
  if (lines.empty()) return;
  std::set<std::string> sources;
  for (const Row& row : outcome.rows) {
    if (row.paper) sources.insert(row.paper_source);
    if (row.reference) sources.insert(row.reference_source);
  }
  page.Heading("Beside known values");
  std::vector<std::string> head = KnownHead();
  head.front().insert(0, 1, '<');
  page.Table(
      head, lines,
      absl::StrCat("Difference: measured less the paper's value, or less the reference where "
                   "the paper has none. Sources: ",
                   absl::StrJoin(sources, "; "), "."));
}

void AddTables(const Outcome& outcome, HtmlPage& page) {
  page.Heading("All figures");
  for (const PivotTable& table : Pivot(outcome.rows)) {
    std::vector<std::string> headers = {"<"};
    headers.insert(headers.end(), table.columns.begin(), table.columns.end());
    page.Table(headers, table.lines,
               absl::StrCat(MetricTitle(table.metric), ": ", table.group, "."));
  }
  std::vector<std::string> errors;
  for (const Row& row : outcome.rows) {
    if (!row.error.empty()) errors.push_back(absl::StrCat(row.id, ": ", row.error));
  }
  if (!errors.empty()) {
    page.Paragraph("Not measured:");
    page.List(errors);
  }
}

// "; then 2 epochs at 0.001" for each training that goes on.
std::string FurtherText(const recipe::NetworkPlan& plan) {
  std::string text;
  for (const v1::TrainSpec& more : plan.further()) {
    absl::StrAppend(&text, "; then ", more.epochs(), " epochs, learning rate ",
                    more.learning_rate());
  }
  return text;
}

void AddProvenance(const Outcome& outcome, HtmlPage& page) {
  page.Heading("Made with");
  std::vector<std::pair<std::string, std::string>> entries;
  if (!outcome.jobs.empty()) entries = ProvenanceEntries(outcome.jobs.front().provenance());
  // What differs from job to job is in the list of jobs.
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [](const auto& entry) {
                                 return entry.first == "seed" || entry.first == "samples" ||
                                        entry.first == "job digest";
                               }),
                entries.end());
  for (const recipe::NetworkPlan& plan : outcome.recipe.networks()) {
    const v1::TrainSpec& train = plan.train();
    entries.emplace_back(
        absl::StrCat("network ", plan.id()),
        absl::StrFormat("%s; %d epochs, batch %d, learning rate %g%s, %s training samples, %d "
                        "held out%s",
                        plan.title(), train.epochs(), train.batch_size(), train.learning_rate(),
                        train.loss() == v1::Loss::UNSPECIFIED
                            ? std::string()
                            : absl::StrCat(", ", v1::Loss::Kind_Name(train.loss())),
                        train.train_samples() > 0
                            ? absl::StrCat("the first ", train.train_samples())
                            : std::string("all"),
                        train.validation_samples(), FurtherText(plan)));
  }
  if (!outcome.recipe.networks().empty()) {
    entries.emplace_back("training seeds", absl::StrCat("1 to ", outcome.recipe.seeds()));
  }
  entries.emplace_back("recipe", outcome.recipe.name());
  entries.emplace_back("written",
                       absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::Now(), absl::UTCTimeZone()));
  page.Definitions(entries);
  if (outcome.jobs.empty()) return;
  std::vector<std::string> names;
  for (const v1::Job& job : outcome.jobs) names.push_back(ShortName(job.name()));
  page.Paragraph("Jobs, in order; torpor job get shows each:");
  page.Code(absl::StrJoin(names, "\n"));
}

// Names of lines to the left, figures to the right. `lines` begins with the head.
std::string LinesText(const std::vector<std::vector<std::string>>& lines) {
  std::vector<bool> right(lines[0].size(), true);
  right[0] = false;
  return AlignedText(lines, right, "  ");
}

std::string TableText(const PivotTable& table) {
  std::vector<std::vector<std::string>> lines = {{""}};
  lines[0].insert(lines[0].end(), table.columns.begin(), table.columns.end());
  lines.insert(lines.end(), table.lines.begin(), table.lines.end());
  return absl::StrCat(MetricTitle(table.metric), ": ", table.group, "\n", LinesText(lines));
}

}  // namespace

absl::StatusOr<Page> MakePage(const Outcome& outcome) {
  Page made;
  const recipe::Recipe& recipe = outcome.recipe;
  HtmlPage page(absl::StrCat(recipe.name(), ": ", recipe.title()));
  page.Lead(recipe.source());
  if (outcome.quick) page.Paragraph(kQuickWarning);
  page.Paragraph(recipe.about());
  AddClaims(outcome, page);

  std::vector<Drawing> drawings = outcome.drawings;
  for (Drawing& drawing : DrawRows(outcome.rows)) drawings.push_back(std::move(drawing));
  std::vector<std::pair<std::string, std::string>> figures;
  for (const Drawing& drawing : drawings) {
    CLI_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(drawing.plot));
    figures.emplace_back(svg, drawing.caption);
    made.files.emplace_back(absl::StrCat("-", drawing.plot.name, ".svg"), StandaloneSvg(svg));
  }
  if (!figures.empty()) {
    page.Heading("Figures");
    page.Svg(figures);
  }
  AddKnown(outcome, page);
  AddTables(outcome, page);
  page.Paragraph(
      "Power and energy are simulated, not measured. NASP is synaptic power alone (Merkel, eq. 3; "
      "of spiking networks synaptic events weighted by |w|), relative to full power on the same "
      "samples. Intervals are Wilson's for an accuracy of one "
      "seed and Student's over three or more seeds.");
  AddProvenance(outcome, page);
  made.html = page.Finish();
  return made;
}

Json OutcomeJson(const Outcome& outcome) {
  Json rows = Json::array(), claims = Json::array(), jobs = Json::array(), datasets = Json::array();
  for (const Row& row : outcome.rows) rows.push_back(RowJson(row));
  for (const Finding& finding : outcome.findings) claims.push_back(FindingJson(finding));
  for (const v1::Job& job : outcome.jobs) jobs.push_back(job.name());
  for (const std::string& dataset : outcome.recipe.datasets()) datasets.push_back(dataset);
  return {{"recipe", outcome.recipe.name()},
          {"title", outcome.recipe.title()},
          {"source", outcome.recipe.source()},
          {"quick", outcome.quick},
          {"datasets", datasets},
          {"rows", rows},
          {"claims", claims},
          {"jobs", jobs},
          {"jobs_taken_up", outcome.taken_up}};
}

std::string OutcomeText(const Outcome& outcome) {
  std::string out = absl::StrCat(outcome.recipe.name(), ": ", outcome.recipe.title(), "\n");
  if (outcome.quick) absl::StrAppend(&out, kQuickWarning, "\n");
  for (const PivotTable& table : Pivot(outcome.rows)) {
    if (IsMain(table)) absl::StrAppend(&out, "\n", TableText(table));
  }
  std::vector<std::vector<std::string>> known = KnownLines(outcome);
  if (!known.empty()) {
    known.insert(known.begin(), KnownHead());
    absl::StrAppend(&out, "\nbeside known values\n", LinesText(known));
  }
  if (!outcome.findings.empty()) absl::StrAppend(&out, "\nwhat the paper says\n");
  for (const Finding& finding : outcome.findings) {
    absl::StrAppend(&out, absl::StrFormat("  %-14s  ", VerdictName(finding.verdict)), finding.claim,
                    finding.dataset.empty() ? "" : absl::StrCat(" [", finding.dataset, "]"), "\n");
    if (finding.verdict == Verdict::kConfirmed) continue;
    for (const std::string& evidence : finding.evidence) {
      absl::StrAppend(&out, "                  ", evidence, "\n");
    }
  }
  return out;
}

}  // namespace torpor::cli::reproduce
