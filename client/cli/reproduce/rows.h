// What a reproduction measured: rows that stand beside the paper's values.
#pragma once

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/output.h"
#include "client/cli/reproduce/recipe.pb.h"

namespace torpor::cli::reproduce {

enum class Unit {
  kFraction,  // 0..1; per cent in tables
  kNumber,
  kJoule,
  kWatt,
  kBytes,
  kDegree,
};

// Where a value belongs; the same place for every seed.
struct Place {
  // Id without the dataset's prefix, e.g. "eps=0.1,bias=none".
  std::string base_id;
  // Short name; empty where no data is needed.
  std::string dataset;
  // For people, e.g. "accuracy of 784-10, squared error, at epsilon 0.1, bias none".
  std::string what;
  // One table for each (group, metric), one line each `line`, one column each `column`.
  std::string group, metric, line, column;
  // Where it stands on the horizontal axis of plots; not a number: not drawn.
  double x = std::nan("");
  // Lines of its table go up with x, wherever they were met first.
  bool ascending = false;
  // The lever that x is a value of.
  std::string x_lever = "epsilon";
  Unit unit = Unit::kFraction;
};

// A value of one training seed. `low` and `high` are its own interval, used when no other seed is.
struct Value {
  double value = std::nan("");
  std::optional<double> low = {}, high = {};
  // How many repetitions are behind it, e.g. noise seeds; counts when no other seed is.
  int repetitions = 1;
};

struct Row {
  Place place;
  // With "dataset=NAME," before it unless the dataset is the first.
  std::string id;
  std::optional<double> paper, reference;
  // Where the two are from.
  std::string paper_source, reference_source;
  // Mean over seeds; unset where it could not be measured.
  std::optional<double> measured;
  std::optional<double> low, high;
  int seeds = 0;
  // Why it could not.
  std::string error;
};

// Gathers values; not thread-safe.
class RowCollector {
 public:
  void Add(Place place, Value value);
  void AddError(Place place, const std::string& error);

  // One row a place, in the order of first appearance, with the recipe's values of paper and
  // reference. Over three or more seeds the interval is Student's of the mean; from one seed it is
  // the value's own; from two there is none. Shares keep within 0..1.
  std::vector<Row> Finish(const recipe::Recipe& recipe) const;

 private:
  struct Entry {
    Place place;
    std::vector<Value> values;
    std::string error;
  };
  Entry& At(Place place);

  std::vector<Entry> entries_;
  std::map<std::pair<std::string, std::string>, size_t> index_;
};

// The row of this id for a dataset; null when there is none.
const Row* FindRow(const std::vector<Row>& rows, const std::string& dataset,
                   const std::string& base_id);
// The same; null also where it could not be measured.
const Row* FindMeasured(const std::vector<Row>& rows, const std::string& dataset,
                        const std::string& base_id);

// "{id, what, paper, measured, low, high, seeds, ...}" with null for what is unknown.
Json RowJson(const Row& row);
// A header and a line a row.
std::string RowsCsv(const std::vector<Row>& rows);

// What a value is multiplied by where it is shown: shares in per cent, energies in uJ, powers in
// mW, memory in kB.
double ShownScale(Unit unit);
// "%", "uJ", "mW", "kB", "deg"; empty for plain numbers.
const char* ShownUnit(Unit unit);
// "92.32 %", "0.1547", "120.1 deg" or "-".
std::string FormatValue(std::optional<double> value, Unit unit);
// The same for a difference of two values: those of fractions in points.
std::string FormatDifference(std::optional<double> difference, Unit unit);
// 0.1, 0.05: as ids write numbers.
std::string ShortNumber(double value);

// A table of the rows of one group and metric: lines by columns, measured values.
struct PivotTable {
  std::string group, metric;
  std::vector<std::string> columns;
  // First cell: the line's name.
  std::vector<std::vector<std::string>> lines;
};
std::vector<PivotTable> Pivot(const std::vector<Row>& rows);

}  // namespace torpor::cli::reproduce
