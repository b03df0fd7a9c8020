#include "client/cli/reproduce/rows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/cli/reproduce/interval.h"

namespace torpor::cli::reproduce {
namespace {

// Shares of something; others with a per cent sign (a saving, a loss of accuracy) may be negative.
bool IsShare(const Place& place) {
  return place.unit == Unit::kFraction &&
         (place.metric == "accuracy" || place.metric == "agreement" || place.metric == "ece");
}

void SetInterval(const std::vector<Value>& values, Row& row) {
  std::vector<double> numbers;
  for (const Value& value : values) numbers.push_back(value.value);
  row.measured = Mean(numbers);
  row.seeds = static_cast<int>(values.size());
  if (values.size() == 1) {
    row.low = values[0].low;
    row.high = values[0].high;
    row.seeds = values[0].repetitions;
  } else if (const auto interval = StudentInterval(numbers)) {
    row.low = interval->low;
    row.high = interval->high;
  }
  if (!IsShare(row.place)) return;
  if (row.low) row.low = std::max(0.0, *row.low);
  if (row.high) row.high = std::min(1.0, *row.high);
}

// Known values by id, of one dataset.
struct Known {
  double value;
  std::string source;
};
using KnownValues = std::map<std::pair<std::string, std::string>, Known>;

KnownValues Expand(const google::protobuf::RepeatedPtrField<recipe::Values>& all) {
  KnownValues known;
  for (const recipe::Values& values : all) {
    for (int i = 0; i < values.value_size(); ++i) {
      const std::string at = i < values.at_size() ? values.at(i) : "";
      known[{values.dataset(), absl::StrReplaceAll(values.id(), {{"{}", at}})}] = {values.value(i),
                                                                                   values.source()};
    }
  }
  return known;
}

const Known* Find(const KnownValues& known, const Place& place) {
  auto found = known.find({place.dataset, place.base_id});
  if (found == known.end()) found = known.find({"", place.base_id});
  return found == known.end() ? nullptr : &found->second;
}

Json OrNull(std::optional<double> value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

const char* UnitName(Unit unit) {
  switch (unit) {
    case Unit::kFraction:
      return "fraction";
    case Unit::kNumber:
      return "number";
    case Unit::kJoule:
      return "joule";
    case Unit::kWatt:
      return "watt";
    case Unit::kBytes:
      return "byte";
    case Unit::kDegree:
      return "degree";
  }
  return "";
}

std::string CsvNumber(std::optional<double> value) {
  return value && std::isfinite(*value) ? absl::StrFormat("%.9g", *value) : "";
}

}  // namespace

RowCollector::Entry& RowCollector::At(Place place) {
  const auto [found, fresh] = index_.try_emplace({place.dataset, place.base_id}, entries_.size());
  if (fresh) entries_.push_back({std::move(place), {}, ""});
  return entries_[found->second];
}

void RowCollector::Add(Place place, Value value) {
  Entry& entry = At(std::move(place));
  if (std::isfinite(value.value)) {
    entry.values.push_back(value);
  } else if (entry.error.empty()) {
    entry.error = "not a finite number";
  }
}

void RowCollector::AddError(Place place, const std::string& error) {
  At(std::move(place)).error = error;
}

std::vector<Row> RowCollector::Finish(const recipe::Recipe& recipe) const {
  const KnownValues paper = Expand(recipe.paper()), reference = Expand(recipe.reference());
  std::vector<Row> rows;
  for (const Entry& entry : entries_) {
    Row row;
    row.place = entry.place;
    const bool first = recipe.datasets().empty() || entry.place.dataset.empty() ||
                       entry.place.dataset == recipe.datasets(0);
    row.id = first ? entry.place.base_id
                   : absl::StrCat("dataset=", entry.place.dataset, ",", entry.place.base_id);
    if (const Known* known = Find(paper, entry.place)) {
      row.paper = known->value;
      row.paper_source = known->source;
    }
    if (const Known* known = Find(reference, entry.place)) {
      row.reference = known->value;
      row.reference_source = known->source;
    }
    // A mean over the seeds that happened to work would mislead.
    row.error = entry.error;
    if (entry.error.empty() && !entry.values.empty()) SetInterval(entry.values, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

const Row* FindRow(const std::vector<Row>& rows, const std::string& dataset,
                   const std::string& base_id) {
  for (const Row& row : rows) {
    if (row.place.base_id == base_id &&
        (row.place.dataset.empty() || row.place.dataset == dataset)) {
      return &row;
    }
  }
  return nullptr;
}

const Row* FindMeasured(const std::vector<Row>& rows, const std::string& dataset,
                        const std::string& base_id) {
  const Row* row = FindRow(rows, dataset, base_id);
  return row != nullptr && row->measured ? row : nullptr;
}

Json RowJson(const Row& row) {
  Json json = {{"id", row.id},
               {"what", row.place.what},
               {"paper", OrNull(row.paper)},
               {"measured", OrNull(row.measured)},
               {"low", OrNull(row.low)},
               {"high", OrNull(row.high)},
               {"seeds", row.seeds},
               {"reference", OrNull(row.reference)},
               {"metric", row.place.metric},
               {"unit", UnitName(row.place.unit)}};
  if (!row.place.dataset.empty()) json["dataset"] = row.place.dataset;
  if (row.paper) json["paper_source"] = row.paper_source;
  if (row.reference) json["reference_source"] = row.reference_source;
  if (!row.error.empty()) json["error"] = row.error;
  return json;
}

std::string RowsCsv(const std::vector<Row>& rows) {
  std::string out = "id,what,paper,measured,low,high,seeds,reference,unit,error\n";
  for (const Row& row : rows) {
    absl::StrAppend(&out, CsvQuoted(row.id), ",", CsvQuoted(row.place.what), ",",
                    CsvNumber(row.paper), ",", CsvNumber(row.measured), ",", CsvNumber(row.low),
                    ",", CsvNumber(row.high), ",", row.seeds, ",", CsvNumber(row.reference), ",",
                    UnitName(row.place.unit), ",", CsvQuoted(row.error), "\n");
  }
  return out;
}

double ShownScale(Unit unit) {
  switch (unit) {
    case Unit::kFraction:
      return 100;
    case Unit::kJoule:
      return 1e6;
    case Unit::kWatt:
      return 1e3;
    case Unit::kBytes:
      return 1e-3;
    case Unit::kNumber:
    case Unit::kDegree:
      return 1;
  }
  return 1;
}

const char* ShownUnit(Unit unit) {
  switch (unit) {
    case Unit::kFraction:
      return "%";
    case Unit::kJoule:
      return "uJ";
    case Unit::kWatt:
      return "mW";
    case Unit::kBytes:
      return "kB";
    case Unit::kDegree:
      return "deg";
    case Unit::kNumber:
      return "";
  }
  return "";
}

std::string FormatValue(std::optional<double> value, Unit unit) {
  if (!value || !std::isfinite(*value)) return "-";
  const double shown = ShownScale(unit) * *value;
  // What rounds to nothing has no sign.
  const auto rounded = [shown](double step) { return std::abs(shown) < step / 2 ? 0.0 : shown; };
  std::string text;
  switch (unit) {
    case Unit::kFraction:
      text = absl::StrFormat("%.2f", rounded(0.01));
      break;
    case Unit::kJoule:
    case Unit::kWatt:
      text = absl::StrFormat("%.4g", shown);
      break;
    case Unit::kBytes:
      text = absl::StrFormat("%.1f", shown);
      break;
    case Unit::kDegree:
      text = absl::StrFormat("%.1f", rounded(0.1));
      break;
    case Unit::kNumber:
      return absl::StrFormat("%.4f", rounded(0.0001));
  }
  return absl::StrCat(text, " ", ShownUnit(unit));
}

std::string FormatDifference(std::optional<double> difference, Unit unit) {
  return absl::StrReplaceAll(FormatValue(difference, unit), {{" %", " points"}});
}

std::string ShortNumber(double value) { return absl::StrFormat("%.6g", value); }

std::vector<PivotTable> Pivot(const std::vector<Row>& rows) {
  std::vector<PivotTable> tables;
  // The x of each table's lines.
  std::vector<std::vector<double>> order;
  const auto index_of = [](auto& list, const auto& matches) {
    return std::find_if(list.begin(), list.end(), matches) - list.begin();
  };
  for (const Row& row : rows) {
    const Place& place = row.place;
    const size_t t = index_of(tables, [&](const PivotTable& table) {
      return table.group == place.group && table.metric == place.metric;
    });
    if (t == tables.size()) {
      tables.push_back({place.group, place.metric, {}, {}});
      order.emplace_back();
    }
    PivotTable& table = tables[t];
    const size_t c =
        index_of(table.columns, [&](const auto& name) { return name == place.column; });
    if (c == table.columns.size()) table.columns.push_back(place.column);
    size_t l = index_of(table.lines, [&](const auto& line) { return line[0] == place.line; });
    if (l == table.lines.size()) {
      const auto next = std::find_if(order[t].begin(), order[t].end(),
                                     [&](double x) { return place.ascending && x > place.x; });
      l = static_cast<size_t>(next - order[t].begin());
      order[t].insert(next, place.x);
      table.lines.insert(table.lines.begin() + static_cast<std::ptrdiff_t>(l), {place.line});
    }
    std::vector<std::string>& line = table.lines[l];
    if (line.size() < c + 2) line.resize(c + 2, "-");
    line[c + 1] = row.error.empty() ? FormatValue(row.measured, place.unit) : "not measured";
  }
  for (PivotTable& table : tables) {
    for (auto& line : table.lines) line.resize(table.columns.size() + 1, "-");
  }
  return tables;
}

}  // namespace torpor::cli::reproduce
