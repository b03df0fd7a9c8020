// Rows and drawings that are made of rows: ratios, how near the measured come to the paper's, and
// frontiers (study.h).
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/reproduce/figures.h"
#include "client/cli/reproduce/frontiers.h"
#include "client/cli/reproduce/plot_ticks.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli::reproduce {
namespace {

using Ids = google::protobuf::RepeatedPtrField<std::string>;

// Not a number where one of them was not measured.
double SumOf(const std::vector<Row>& rows, const std::string& dataset, const Ids& ids) {
  double sum = 0;
  for (const std::string& id : ids) {
    const Row* row = FindMeasured(rows, dataset, id);
    sum += row != nullptr ? *row->measured : std::nan("");
  }
  return sum;
}

// Those that the ratio has a row of; one without name where it needs no data.
std::vector<std::string> DatasetsOf(const Study& study, const std::vector<Row>& rows,
                                    const recipe::Ratio& ratio) {
  const auto without = [&](const std::string& id) { return FindRow(rows, "", id) != nullptr; };
  const bool none = std::all_of(ratio.rows().begin(), ratio.rows().end(), without) &&
                    std::all_of(ratio.over().begin(), ratio.over().end(), without);
  if (none || study.recipe.datasets().empty()) return {""};
  return {study.recipe.datasets().begin(), study.recipe.datasets().end()};
}

void AddRatio(Study& study, const std::vector<Row>& rows, const recipe::Ratio& ratio) {
  for (const std::string& dataset : DatasetsOf(study, rows, ratio)) {
    Place place;
    place.base_id = absl::StrCat("ratio=", ratio.id());
    place.dataset = dataset;
    place.what = ratio.title();
    place.group = dataset.empty() ? "sums of figures" : absl::StrCat("sums of figures, ", dataset);
    place.metric = "ratio";
    place.line = ratio.title();
    place.column = "ratio";
    place.unit = Unit::kNumber;
    study.rows.Add(std::move(place), {.value = SumOf(rows, dataset, ratio.rows()) /
                                               SumOf(rows, dataset, ratio.over())});
  }
}

bool IsOf(const Row& row, const recipe::Agreement& agreement) {
  return row.measured && row.paper && *row.measured > 0 && *row.paper > 0 &&
         std::find(agreement.metrics().begin(), agreement.metrics().end(), row.place.metric) !=
             agreement.metrics().end();
}

void AddErrors(Study& study, const std::vector<Row>& rows, const recipe::Agreement& agreement) {
  std::vector<double> errors;
  double squares = 0;
  for (const Row& row : rows) {
    if (!IsOf(row, agreement)) continue;
    errors.push_back(std::abs(*row.measured / *row.paper - 1));
    squares += std::pow(std::log(*row.measured / *row.paper), 2);
  }
  if (errors.empty()) return;
  std::sort(errors.begin(), errors.end());
  const size_t n = errors.size();
  const auto add = [&](const char* metric, const char* what, Unit unit, double value) {
    Place place;
    place.base_id = absl::StrCat("agreement=", agreement.id(), ",metric=", metric);
    place.what = absl::StrCat(what, " of ", agreement.title());
    place.group = "ours against published";
    place.metric = "agreement with the paper";
    place.line = agreement.title();
    place.column = what;
    place.unit = unit;
    study.rows.Add(std::move(place), {.value = value});
  };
  add("median_error", "median error", Unit::kFraction, (errors[(n - 1) / 2] + errors[n / 2]) / 2);
  add("largest_error", "largest error", Unit::kFraction, errors.back());
  add("rms_log_error", "rms error of logarithms", Unit::kNumber,
      std::sqrt(squares / static_cast<double>(n)));
  add("figures", "figures", Unit::kNumber, static_cast<double>(n));
}

// Over less than two decades 1, 2, 5, 10: powers of ten alone might be one or none.
std::vector<double> TicksOver(double least, double most) {
  return most >= 100 * least ? DecadeTicks(least, most) : RoundTicks(least, most);
}

std::string WithUnit(const char* label, Unit unit) {
  const std::string shown = ShownUnit(unit);
  return shown.empty() ? label : absl::StrCat(label, " (", shown, ")");
}

// Ours against published, a series a column of tables.
void DrawAgreement(Study& study, const std::vector<Row>& rows, const recipe::Agreement& agreement) {
  Drawing drawing;
  Plot& plot = drawing.plot;
  plot = LegendBelow(absl::StrCat("agreement-", agreement.id()), agreement.title());
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  std::map<std::string, Series> series;
  for (const Row& row : rows) {
    if (!IsOf(row, agreement)) continue;
    const double scale = ShownScale(row.place.unit);
    plot.x.label = WithUnit("published", row.place.unit);
    plot.y.label = WithUnit("Torpor", row.place.unit);
    Series& of = series[row.place.column];
    of.name = row.place.column;
    of.style = Series::Style::kPoints;
    const double published = scale * *row.paper, ours = scale * *row.measured;
    of.points.push_back({published, ours, {}, {}});
    least = std::min({least, published, ours});
    most = std::max({most, published, ours});
  }
  if (series.empty()) return;
  for (Axis* axis : {&plot.x, &plot.y}) {
    axis->logarithmic = true;
    axis->minimum = 0.8 * least;
    axis->maximum = 1.25 * most;
    axis->ticks = TicksOver(*axis->minimum, *axis->maximum);
  }
  int look = 0;
  for (auto& [name, of] : series) {
    of.look = look++ % kLookCount;
    plot.series.push_back(std::move(of));
  }
  plot.series.push_back({"equal",
                         {{least, least, {}, {}}, {most, most, {}, {}}},
                         Series::Style::kLine,
                         kLookCount - 1});
  drawing.caption = "Each point a published figure; on the line ours is the same.";
  study.drawings.push_back(std::move(drawing));
}

// Savings against bits with what draws of the coefficients say, a drawing a group and column of
// rows that has several widths.
void DrawSavings(Study& study, const std::vector<Row>& rows) {
  std::map<std::pair<std::string, std::string>, Drawing> drawings;
  for (const Row& row : rows) {
    if (row.place.metric != "saving_rate" || !row.measured) continue;
    const size_t index = drawings.size() + 1;
    Drawing& drawing = drawings[{row.place.group, row.place.column}];
    Plot& plot = drawing.plot;
    if (plot.series.empty()) {
      plot = LegendBelow(absl::StrCat("savings-", index),
                         absl::StrCat(row.place.column, ", ", row.place.group));
      plot.x.label = "bits of a weight";
      plot.y.label = "saving in backward pass and update (%)";
      plot.y.minimum = 0;
      plot.y.maximum = 100;
      plot.series = {{"with the profile's coefficients", {}, Series::Style::kLinesAndPoints, 0},
                     {"median of draws, 5 to 95 %", {}, Series::Style::kPoints, 1},
                     {"published", {}, Series::Style::kLinesAndPoints, 2}};
      drawing.caption =
          "What is saved, over bits; bars span nine tenths of the draws of the coefficients.";
    }
    const double x = row.place.x;
    plot.series[0].points.push_back({x, 100 * *row.measured, {}, {}});
    const std::string stem =
        row.place.base_id.substr(0, row.place.base_id.rfind("metric=")) + "metric=saving_";
    const Row* low = FindMeasured(rows, "", stem + "p5");
    const Row* middle = FindMeasured(rows, "", stem + "p50");
    const Row* high = FindMeasured(rows, "", stem + "p95");
    if (low != nullptr && middle != nullptr && high != nullptr) {
      plot.series[1].points.push_back(
          {x + 0.15, 100 * *middle->measured, 100 * *low->measured, 100 * *high->measured});
    }
    if (row.paper) plot.series[2].points.push_back({x, 100 * *row.paper, {}, {}});
  }
  for (auto& [key, drawing] : drawings) {
    if (drawing.plot.series[0].points.size() < 2) continue;
    std::erase_if(drawing.plot.series, [](const Series& series) { return series.points.empty(); });
    study.drawings.push_back(std::move(drawing));
  }
}

}  // namespace

void AddDerived(Study& study) {
  const std::vector<Row> rows = study.rows.Finish(study.recipe);
  for (const recipe::Ratio& ratio : study.recipe.ratios()) AddRatio(study, rows, ratio);
  for (const recipe::Agreement& agreement : study.recipe.agreements()) {
    AddErrors(study, rows, agreement);
    DrawAgreement(study, rows, agreement);
  }
  DrawSavings(study, rows);
  for (const recipe::Frontier& frontier : study.recipe.frontiers()) {
    for (const std::string& dataset : study.recipe.datasets()) {
      if (auto drawing = FrontierOf(study.recipe, frontier, dataset, rows)) {
        study.drawings.push_back(*std::move(drawing));
      }
    }
  }
}

}  // namespace torpor::cli::reproduce
