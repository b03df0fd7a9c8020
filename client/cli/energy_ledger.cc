#include "client/cli/energy_ledger.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace torpor::cli {
namespace {

bool IsFitted(const v1::EnergyReport& report) {
  for (const v1::PublishedPoint& point : report.points()) {
    if (point.calibration()) return true;
  }
  return false;
}

double Deviation(const v1::PublishedPoint& point) {
  return point.model_joules() / point.joules() - 1;
}

std::string TotalLine(const v1::EnergyReport& report, const v1::Distribution* joules) {
  if (!report.has_joules()) return "total: unknown";
  std::string line = absl::StrCat("total: ", JoulesText(report.joules()), " a sample");
  if (joules != nullptr) {
    absl::StrAppend(&line, " (5 %: ", JoulesText(joules->p5()),
                    ", 50 %: ", JoulesText(joules->p50()), ", 95 %: ", JoulesText(joules->p95()),
                    ")");
  }
  if (report.joules_high() > report.joules_low()) {
    absl::StrAppend(&line, "; ", JoulesText(report.joules_low()), " to ",
                    JoulesText(report.joules_high()), " over the coefficients' ranges");
  }
  if (IsFitted(report)) absl::StrAppend(&line, "; by coefficients fitted to published totals");
  return line;
}

}  // namespace

std::string JoulesText(double joules) {
  static constexpr const char* kPrefixes[] = {"", "m", "u", "n", "p", "f", "a"};
  if (joules == 0) return "0 J";
  if (!std::isfinite(joules)) return absl::StrFormat("%g J", joules);
  size_t prefix = 0;
  // What would be rounded up to 1000 belongs to the next prefix.
  while (std::fabs(joules) < 0.99995 && prefix + 1 < std::size(kPrefixes)) {
    joules *= 1000;
    ++prefix;
  }
  return absl::StrFormat("%.4g %sJ", joules, kPrefixes[prefix]);
}

std::vector<Json> LedgerRows(const v1::EnergyReport& report) {
  std::vector<Json> rows;
  for (const v1::EnergyEntry& entry : report.entries()) {
    Json row = ToJson(entry);
    row["part"] = entry.synaptic() ? "synapses" : "periphery";
    row["each"] = entry.has_joules_each() ? JoulesText(entry.joules_each()) : "unknown";
    row["energy"] = entry.has_joules() ? JoulesText(entry.joules()) : "unknown";
    if (!entry.has_count()) row["count"] = "unknown";
    if (entry.has_joules() && report.joules() > 0) row["share"] = entry.joules() / report.joules();
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Column> LedgerColumns(Format format) {
  if (format == Format::kCsv) {
    return {{"layer"}, {"kind"}, {"synaptic"}, {"count"}, {"joules_each"}, {"joules"}, {"share"}};
  }
  return {{"layer"},
          {"kind"},
          {"part"},
          {"count", "", Cell::kNumber},
          {"each"},
          {"energy"},
          {"share", "share of total", Cell::kPercent}};
}

std::string PointLine(const v1::EnergyReport& report, const v1::PublishedPoint& point) {
  std::string line =
      absl::StrCat("published: ", JoulesText(point.joules()), " for ", point.what(), "; ");
  if (point.has_model_joules()) {
    absl::StrAppend(&line, "this profile: ", JoulesText(point.model_joules()),
                    absl::StrFormat(" (%+.1f %%)", 100 * Deviation(point)));
  } else {
    absl::StrAppend(&line, "this profile: unknown");
  }
  if (point.calibration()) {
    absl::StrAppend(&line, " - calibration, not evidence: the profile was fitted to it");
  } else if (IsFitted(report)) {
    absl::StrAppend(&line, " - not fitted to this point, but calibrated on another of its kind");
  }
  return line;
}

std::vector<std::string> LedgerSummary(const v1::EnergyReport& report,
                                       const v1::Distribution* joules) {
  std::vector<std::string> lines = {absl::StrCat("profile: ", report.profile(), ", mean of ",
                                                 report.activity().samples(), " samples"),
                                    TotalLine(report, joules)};
  if (report.has_synaptic_share()) {
    lines.push_back(absl::StrFormat("synaptic share: %.2f %% of the total, all that NASP speaks of",
                                    100 * report.synaptic_share()));
  } else if (report.has_joules()) {
    lines.push_back("synaptic share: not told apart by this profile");
  } else {
    lines.push_back("synaptic share: unknown");
  }
  for (const v1::PublishedPoint& point : report.points()) lines.push_back(PointLine(report, point));
  for (const std::string& sentence : report.unknown()) {
    lines.push_back(absl::StrCat("unknown: ", sentence));
  }
  if (!report.caveat().empty()) lines.push_back(absl::StrCat("caveat: ", report.caveat()));
  return lines;
}

Json LedgerJson(const v1::EnergyReport& report, const v1::Distribution* joules) {
  Json json = ToJson(report);
  for (int i = 0; i < report.points_size(); ++i) {
    if (!report.points(i).has_model_joules()) continue;
    json["points"][static_cast<size_t>(i)]["deviation"] = Deviation(report.points(i));
  }
  if (joules != nullptr) json["joules_over_samples"] = ToJson(*joules);
  return json;
}

}  // namespace torpor::cli
