#include "client/cli/reproduce/row_metrics.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"

namespace torpor::cli::reproduce {
namespace {

using SweepRow = v1::PowerSweepRow;

struct Metric {
  const char* name;
  const char* what;
  Unit unit;
  // Nothing where the row does not have it.
  std::optional<Value> (*value)(const SweepRow& row);
};

// Accuracy first.
constexpr Metric kMetrics[] = {
    {"accuracy", "accuracy", Unit::kFraction,
     [](const SweepRow& row) -> std::optional<Value> {
       return OfInterval(row.accuracy(), row.accuracy_low(), row.accuracy_high());
     }},
    {"nasp", "NASP, inputs as each layer sees them", Unit::kFraction,
     [](const SweepRow& row) -> std::optional<Value> {
       return OfInterval(row.nasp(), row.nasp_low(), row.nasp_high());
     }},
    {"nasp_nominal", "NASP, hidden inputs of full power", Unit::kFraction,
     [](const SweepRow& row) -> std::optional<Value> {
       return OfInterval(row.nasp_nominal(), 0, 0);
     }},
    {"loss", "loss", Unit::kNumber,
     [](const SweepRow& row) -> std::optional<Value> {
       return OfInterval(row.loss(), row.loss_low(), row.loss_high());
     }},
    {"ece", "calibration error", Unit::kFraction,
     [](const SweepRow& row) -> std::optional<Value> {
       return OfInterval(row.ece(), row.ece_low(), row.ece_high());
     }},
    {"agreement", "agreement with full power", Unit::kFraction,
     [](const SweepRow& row) -> std::optional<Value> {
       return OfInterval(row.agreement(), row.agreement_low(), row.agreement_high());
     }},
    {"steps", "mean steps of a sample", Unit::kNumber,
     [](const SweepRow& row) -> std::optional<Value> {
       if (!row.has_steps()) return std::nullopt;
       return OfInterval(row.steps().mean(), 0, 0);
     }},
    {"joules", "mean energy of a sample", Unit::kJoule,
     [](const SweepRow& row) -> std::optional<Value> {
       if (!row.has_joules()) return std::nullopt;
       return OfInterval(row.joules().mean(), 0, 0);
     }},
};

// Nothing where a draw does not have it.
std::optional<Value> MeanOf(const Metric& metric, const std::vector<const SweepRow*>& draws) {
  if (draws.size() == 1) return metric.value(*draws.front());
  Value mean;
  mean.value = 0;
  mean.repetitions = static_cast<int>(draws.size());
  for (const SweepRow* row : draws) {
    const std::optional<Value> value = metric.value(*row);
    if (!value) return std::nullopt;
    mean.value += value->value / static_cast<double>(draws.size());
  }
  return mean;
}

}  // namespace

void AddSweepRow(const Place& base, const std::vector<const SweepRow*>& draws, RowCollector& rows) {
  const auto failed = std::find_if(draws.begin(), draws.end(),
                                   [](const SweepRow* row) { return row->has_error(); });
  for (const Metric& metric : kMetrics) {
    Place place = base;
    place.metric = metric.name;
    place.unit = metric.unit;
    place.what = absl::StrCat(metric.what, " of ", base.what);
    if (&metric != std::begin(kMetrics)) absl::StrAppend(&place.base_id, ",metric=", metric.name);
    if (failed != draws.end()) {
      rows.AddError(std::move(place), (*failed)->error().message());
      continue;
    }
    if (const std::optional<Value> value = MeanOf(metric, draws)) {
      rows.Add(std::move(place), *value);
    }
  }
}

Value OfInterval(double value, double low, double high) {
  Value result;
  result.value = value;
  if (high > low) {
    result.low = low;
    result.high = high;
  }
  return result;
}

}  // namespace torpor::cli::reproduce
