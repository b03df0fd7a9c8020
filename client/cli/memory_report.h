// What `torpor memory compare` shows: rows for tables, and the page with its plots. Pure functions
// but for the drawing.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/output.h"
#include "client/cli/plot.h"
#include "client/cli/report_page.h"
#include "torpor/v1/memory.pb.h"

namespace torpor::cli {

// "storage", "forward", "backward + update", "all three".
std::string QuantityText(v1::MemoryQuantity::Kind quantity);

// {"array", "scheme", "bits", "density", the figures, "refused"} of an estimate; sums have the
// array "all". leakage_mw is left out where it is unknown.
Json EstimateJson(const v1::MemoryEstimate& estimate);
// Those of a table for people: a scheme that cannot hold an array has no figures to show.
std::vector<Json> WithFigures(std::vector<Json> rows);
// What such a table leaves out, in sentences without a full stop: arrays that a scheme cannot hold,
// with the reason, and what the server says about the figures.
std::vector<std::string> MemoryNotes(const v1::EstimateMemoryResponse& response);
std::vector<Column> EstimateColumns(Format format);

// One row a scheme and quantity: the saving against `against` with its percentiles and robustness.
std::vector<Json> ComparisonRows(const v1::CompareMemoryResponse& response,
                                 v1::MemoryScheme::Kind against);
std::vector<Column> ComparisonColumns(Format format);

// One row a pair and quantity with a break-even, in words: "pointer-bitmap below 0.838".
std::vector<Json> BreakEvenRows(const v1::CompareMemoryResponse& response);
std::vector<Column> BreakEvenColumns(Format format);

// Sums over arrays at one density of them all.
struct MemoryCurvePoint {
  double density = 0;
  std::vector<v1::MemoryEstimate> totals;
};

// Storage and energies against density, one curve a scheme; none without points.
std::vector<Plot> MemoryPlots(const std::vector<MemoryCurvePoint>& points);
// Savings against `against` with the 5th to 95th percentile of draws.
Plot SavingPlot(const v1::CompareMemoryResponse& response, v1::MemoryScheme::Kind against);

struct MemoryReportInput {
  // What was asked about, e.g. "784x128, 8 bits".
  std::string subject;
  v1::CompareMemoryResponse response;
  v1::MemoryScheme::Kind against = v1::MemoryScheme::UNSPECIFIED;
  std::vector<MemoryCurvePoint> points;
  int draws = 0;
};

// Fails as RenderSvg does.
absl::StatusOr<Report> MakeMemoryReport(const MemoryReportInput& input);

}  // namespace torpor::cli
