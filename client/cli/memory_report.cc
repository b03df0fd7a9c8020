#include "client/cli/memory_report.h"

#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/memory_flags.h"
#include "client/cli/report_plots.h"

namespace torpor::cli {
namespace {

using Quantity = v1::MemoryQuantity;

constexpr Quantity::Kind kQuantities[] = {Quantity::STORAGE, Quantity::FORWARD,
                                          Quantity::BACKWARD_UPDATE, Quantity::LEARNING};

// Equal schemes look equal in all plots.
int LookOf(v1::MemoryScheme::Kind scheme) { return (static_cast<int>(scheme) - 1) % kLookCount; }

std::string QuantityWord(Quantity::Kind quantity) {
  switch (quantity) {
    case Quantity::STORAGE:
      return "storage";
    case Quantity::FORWARD:
      return "forward";
    case Quantity::BACKWARD_UPDATE:
      return "backward_update";
    default:
      return "learning";
  }
}

double FigureOf(const v1::MemoryEstimate& estimate, Quantity::Kind quantity) {
  switch (quantity) {
    case Quantity::STORAGE:
      return estimate.storage_bits();
    case Quantity::FORWARD:
      return estimate.forward_uj();
    case Quantity::BACKWARD_UPDATE:
      return estimate.backward_update_uj();
    default:
      return estimate.forward_uj() + estimate.backward_update_uj();
  }
}

std::string Number(double value) { return absl::StrFormat("%.4g", value); }

std::string BreakEvenText(const v1::BreakEven& even) {
  const std::string scheme = SchemeName(even.scheme());
  const std::string against = SchemeName(even.against());
  if (even.density().empty()) {
    return absl::StrCat(even.cheaper_below() ? scheme : against, " at every density");
  }
  std::string text;
  bool below = even.cheaper_below();
  for (const double density : even.density()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", below ? scheme : against, " below ",
                    absl::StrFormat("%.3f", density));
    below = !below;
  }
  absl::StrAppend(&text, ", then ", below ? scheme : against);
  return text;
}

std::string RangeText(const v1::BreakEven& even) {
  if (even.percentiles_size() != 3) return "";
  return absl::StrFormat("%.3f - %.3f", even.percentiles(0), even.percentiles(2));
}

// The page's table has cells, not JSON.
std::vector<std::vector<std::string>> Cells(const std::vector<Json>& rows,
                                            const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> cells;
  for (const Json& row : rows) {
    std::vector<std::string>& line = cells.emplace_back();
    for (const Column& column : columns) line.push_back(FormatCell(row, column));
  }
  return cells;
}

void AddTable(HtmlPage& page, const std::vector<Json>& rows, const std::vector<Column>& columns,
              const std::string& caption) {
  std::vector<std::string> headers;
  for (const Column& column : columns) {
    const std::string& title = column.title.empty() ? column.key : column.title;
    headers.push_back(absl::StrCat(column.cell == Cell::kText ? "<" : "", title));
  }
  page.Table(headers, Cells(rows, columns), caption);
}

void AddFigures(const MemoryReportInput& input, HtmlPage& page) {
  std::vector<std::pair<std::string, std::string>> figures;
  for (const v1::MemoryComparison& c : input.response.comparisons()) {
    if (c.against() != input.against || c.quantity() != Quantity::LEARNING) continue;
    std::string meaning =
        absl::StrCat("of the energy of forward, backward and update saved by ",
                     SchemeName(c.scheme()), " against ", SchemeName(c.against()));
    if (c.has_robustness()) {
      absl::StrAppend(&meaning, "; some in ", Percent(c.robustness(), 0), " of the draws");
    }
    figures.emplace_back(Percent(c.saving(), 1), meaning);
  }
  page.Figures(figures);
}

std::vector<std::pair<std::string, std::string>> CoefficientEntries(
    const v1::DeviceProfile& profile) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const v1::Coefficient& c : profile.coefficients()) {
    if (c.name().rfind("memory_", 0) != 0) continue;
    std::string text = absl::StrCat(Number(c.value()), c.unit() == "1" ? "" : " ",
                                    c.unit() == "1" ? "" : c.unit());
    if (c.high() > c.low()) {
      absl::StrAppend(&text, ", drawn from ", Number(c.low()), " to ", Number(c.high()));
    }
    entries.emplace_back(c.name(), absl::StrCat(text, "; ", c.source()));
  }
  return entries;
}

}  // namespace

std::string QuantityText(Quantity::Kind quantity) {
  switch (quantity) {
    case Quantity::STORAGE:
      return "storage";
    case Quantity::FORWARD:
      return "forward";
    case Quantity::BACKWARD_UPDATE:
      return "backward + update";
    default:
      return "all three";
  }
}

Json EstimateJson(const v1::MemoryEstimate& estimate) {
  Json json = {{"array", estimate.array().empty() ? "all" : estimate.array()},
               {"scheme", SchemeName(estimate.scheme())}};
  if (estimate.has_of()) {
    json["bits"] = estimate.of().bits();
    json["density"] = estimate.of().has_density() ? estimate.of().density() : 1.0;
  }
  if (!estimate.refused().empty()) {
    json["refused"] = estimate.refused();
    return json;
  }
  json["storage_bits"] = estimate.storage_bits();
  json["forward_uj"] = estimate.forward_uj();
  json["backward_uj"] = estimate.backward_uj();
  json["update_uj"] = estimate.update_uj();
  json["backward_update_uj"] = estimate.backward_update_uj();
  if (estimate.has_leakage_mw()) json["leakage_mw"] = estimate.leakage_mw();
  json["forward_accesses"] = estimate.forward_accesses();
  json["backward_accesses"] = estimate.backward_accesses();
  json["update_accesses"] = estimate.update_accesses();
  return json;
}

std::vector<Json> WithFigures(std::vector<Json> rows) {
  std::erase_if(rows, [](const Json& row) { return row.contains("refused"); });
  return rows;
}

std::vector<std::string> MemoryNotes(const v1::EstimateMemoryResponse& response) {
  // By scheme and reason.
  std::map<std::pair<int, std::string>, std::vector<std::string>> refused;
  for (const v1::MemoryEstimate& estimate : response.estimates()) {
    if (estimate.refused().empty()) continue;
    refused[{estimate.scheme(), estimate.refused()}].push_back(estimate.array());
  }
  std::vector<std::string> notes;
  for (const auto& [what, arrays] : refused) {
    notes.push_back(absl::StrCat(SchemeName(static_cast<v1::MemoryScheme::Kind>(what.first)),
                                 " cannot hold ", absl::StrJoin(arrays, ", "), ": ", what.second));
  }
  notes.insert(notes.end(), response.notes().begin(), response.notes().end());
  return notes;
}

std::vector<Column> EstimateColumns(Format format) {
  std::vector<Column> columns = {{"array"},
                                 {"scheme"},
                                 {"bits", "", Cell::kNumber},
                                 {"density", "", Cell::kNumber},
                                 {"storage_bits", "storage (bit)", Cell::kNumber},
                                 {"forward_uj", "forward (uJ)", Cell::kNumber},
                                 {"backward_uj", "backward (uJ)", Cell::kNumber},
                                 {"update_uj", "update (uJ)", Cell::kNumber},
                                 {"backward_update_uj", "backward + update", Cell::kNumber},
                                 {"leakage_mw", "leakage (mW)", Cell::kNumber}};
  if (format == Format::kCsv) columns.push_back({"refused"});
  return columns;
}

std::vector<Json> ComparisonRows(const v1::CompareMemoryResponse& response,
                                 v1::MemoryScheme::Kind against) {
  std::vector<Json> rows;
  for (const v1::MemoryComparison& c : response.comparisons()) {
    if (c.against() != against) continue;
    Json row = {{"scheme", SchemeName(c.scheme())},
                {"against", SchemeName(c.against())},
                {"quantity", QuantityWord(c.quantity())},
                {"quantity_text", QuantityText(c.quantity())},
                {"saving", c.saving()}};
    static constexpr const char* kNames[] = {"p5", "p25", "p50", "p75", "p95"};
    for (int i = 0; i < c.percentiles_size() && i < 5; ++i) row[kNames[i]] = c.percentiles(i);
    if (c.percentiles_size() == 5) {
      row["draws"] =
          absl::StrCat(Percent(c.percentiles(0), 1), " to ", Percent(c.percentiles(4), 1));
    }
    if (c.has_robustness()) row["robustness"] = c.robustness();
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Column> ComparisonColumns(Format format) {
  if (format == Format::kCsv) {
    return {{"scheme"}, {"against"}, {"quantity"}, {"saving"}, {"p5"},
            {"p25"},    {"p50"},     {"p75"},      {"p95"},    {"robustness"}};
  }
  return {{"scheme"},
          {"quantity_text", "of"},
          {"saving", "saving", Cell::kPercent},
          {"draws", "5 - 95 % of draws"},
          {"robustness", "saves in", Cell::kPercent}};
}

std::vector<Json> BreakEvenRows(const v1::CompareMemoryResponse& response) {
  std::vector<Json> rows;
  for (const v1::BreakEven& even : response.break_evens()) {
    rows.push_back({{"scheme", SchemeName(even.scheme())},
                    {"against", SchemeName(even.against())},
                    {"quantity", QuantityWord(even.quantity())},
                    {"quantity_text", QuantityText(even.quantity())},
                    {"cheaper", BreakEvenText(even)},
                    {"draws", RangeText(even)}});
  }
  return rows;
}

std::vector<Column> BreakEvenColumns(Format format) {
  if (format == Format::kCsv)
    return {{"scheme"}, {"against"}, {"quantity"}, {"cheaper"}, {"draws"}};
  return {{"scheme"},
          {"against"},
          {"quantity_text", "of"},
          {"cheaper", "cheaper"},
          {"draws", "first, 5 - 95 % of draws"}};
}

std::vector<Plot> MemoryPlots(const std::vector<MemoryCurvePoint>& points) {
  std::vector<Plot> plots;
  if (points.empty()) return plots;
  for (const Quantity::Kind quantity : kQuantities) {
    Plot plot;
    const bool bits = quantity == Quantity::STORAGE;
    plot.name = absl::StrCat("memory-", bits ? "storage" : QuantityWord(quantity));
    plot.title = bits ? "Storage" : absl::StrCat("Energy, ", QuantityText(quantity));
    plot.x.label = "density: share of weights that are not zero";
    plot.x.minimum = 0;
    plot.x.maximum = 1;
    plot.y.label = bits ? "storage (Mbit)" : "energy of a pass (uJ)";
    plot.y.minimum = 0;
    plot.legend = "outside bottom center horizontal height 1";
    plot.height = 450;
    for (size_t s = 0; s < points.front().totals.size(); ++s) {
      const v1::MemoryScheme::Kind scheme = points.front().totals[s].scheme();
      Series series{SchemeName(scheme), {}, Series::Style::kLine, LookOf(scheme)};
      for (const MemoryCurvePoint& point : points) {
        const double figure = FigureOf(point.totals[s], quantity);
        series.points.push_back({point.density, bits ? figure * 1e-6 : figure, {}, {}});
      }
      plot.series.push_back(std::move(series));
    }
    plots.push_back(std::move(plot));
  }
  return plots;
}

Plot SavingPlot(const v1::CompareMemoryResponse& response, v1::MemoryScheme::Kind against) {
  Plot plot;
  plot.name = "memory-savings";
  plot.title = absl::StrCat("Savings against ", SchemeName(against));
  plot.x.label = "1 storage, 2 forward, 3 backward + update, 4 all three";
  plot.x.minimum = 0.5;
  plot.x.maximum = 4.5;
  plot.x.ticks = {1, 2, 3, 4};
  plot.y.label = "saving (%)";
  plot.legend = "outside bottom center horizontal height 1";
  plot.height = 450;
  for (const v1::MemoryComparison& c : response.comparisons()) {
    if (c.against() != against) continue;
    const std::string name = SchemeName(c.scheme());
    if (plot.series.empty() || plot.series.back().name != name) {
      plot.series.push_back({name, {}, Series::Style::kPoints, LookOf(c.scheme())});
    }
    // Side by side.
    const double shift = 0.08 * (static_cast<double>(plot.series.size()) - 2.5);
    Point point{static_cast<double>(c.quantity()) + shift, 100 * c.saving(), {}, {}};
    if (c.percentiles_size() == 5) {
      point.low = 100 * c.percentiles(0);
      point.high = 100 * c.percentiles(4);
    }
    plot.series.back().points.push_back(point);
  }
  return plot;
}

absl::StatusOr<Report> MakeMemoryReport(const MemoryReportInput& input) {
  const v1::DeviceProfile& profile = input.response.estimates().profile();
  HtmlPage page("Memory organisations");
  page.Lead(absl::StrCat("What storing the weights of ", input.subject,
                         " costs, by how they are stored."));
  AddFigures(input, page);
  Report report;
  std::vector<std::pair<std::string, std::string>> figures;
  const auto draw = [&](const Plot& plot, const std::string& caption) -> absl::Status {
    CLI_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(plot));
    figures.emplace_back(svg, caption);
    report.files.emplace_back(absl::StrCat("-", plot.name, ".svg"), StandaloneSvg(svg));
    return absl::OkStatus();
  };
  CLI_RETURN_IF_ERROR(
      draw(SavingPlot(input.response, input.against),
           input.draws > 0 ? absl::StrCat("Bars: the 5th to the 95th percentile of ", input.draws,
                                          " draws of the coefficients from their ranges.")
                           : "Without draws: nothing is said of how far it holds."));
  for (const Plot& plot : MemoryPlots(input.points)) {
    CLI_RETURN_IF_ERROR(
        draw(plot, "All arrays at one density; steps where an address takes one bit more."));
  }
  page.Svg(figures);

  page.Heading("Savings");
  AddTable(page, ComparisonRows(input.response, input.against), ComparisonColumns(Format::kTable),
           absl::StrCat("1 - cost / cost of ", SchemeName(input.against),
                        "; `saves in`: share of the draws in which the saving is above 0."));
  page.Heading("Which is cheaper, by density");
  AddTable(page, BreakEvenRows(input.response), BreakEvenColumns(Format::kTable),
           "All arrays at one density.");
  page.Heading("Figures");
  std::vector<Json> rows;
  for (const v1::MemoryEstimate& e : input.response.estimates().estimates()) {
    rows.push_back(EstimateJson(e));
  }
  for (const v1::MemoryEstimate& e : input.response.estimates().totals()) {
    rows.push_back(EstimateJson(e));
  }
  AddTable(page, WithFigures(rows), EstimateColumns(Format::kTable),
           "Of one pass over a sample's active inputs. Leakage is known for dense arrays alone.");
  for (const std::string& note : MemoryNotes(input.response.estimates())) {
    page.Paragraph(absl::StrCat("Note: ", note, "."));
  }
  report.files.emplace_back(".csv", CsvText(EstimateColumns(Format::kCsv), rows));
  page.Heading("Made with");
  page.Paragraph(
      absl::StrCat("Costs: ", profile.name(), ". ", profile.description(), " ", profile.caveat()));
  std::vector<std::pair<std::string, std::string>> entries = CoefficientEntries(profile);
  entries.emplace_back("draws", absl::StrCat(input.draws));
  entries.emplace_back("written",
                       absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::Now(), absl::UTCTimeZone()));
  page.Definitions(entries);
  page.Paragraph("Energies are simulated, not measured.");
  report.html = page.Finish();
  return report;
}

}  // namespace torpor::cli
