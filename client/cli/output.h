// What commands print: a table for people, JSON and CSV for programs.
//
// JSON: snake_case names, enums as lower-case words, int64 as numbers, fractions 0..1, timestamps
// in RFC 3339, durations as seconds in `<name>_seconds`, NaN as null. Scalars are always there;
// unset messages and optional fields are left out.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/cli/context.h"
#include "google/protobuf/message.h"
#include "nlohmann/json.hpp"

namespace torpor::cli {

// Keeps the order of the fields in the proto.
using Json = nlohmann::ordered_json;

Json ToJson(const google::protobuf::Message& message);
// Never throws: bytes that are not UTF-8 are replaced. `indent` < 0: one line.
std::string Dump(const Json& json, int indent = 2);

enum class Cell {
  kText,     // as is; the collection of a resource name is left out
  kPercent,  // a fraction 0..1 as 98.31 %
  kNumber,   // four significant digits
  kBytes,    // 1.5 GiB
};

struct Column {
  // Path in the row's JSON, e.g. "metrics.test_accuracy": the header in CSV (its last part in
  // tables unless titled).
  std::string key = {};
  std::string title = {};
  Cell cell = Cell::kText;
};

// A list. Table and CSV show `columns` of each row (CSV raw values); JSON shows `whole`.
void PrintRows(Context& context, const std::vector<Column>& columns, const std::vector<Json>& rows,
               const Json& whole);
// One object. A table is one line a column; columns whose value is absent are left out.
void PrintObject(Context& context, const std::vector<Column>& columns, const Json& object);

// A cell as RFC 4180 has it: in quotes where a comma, a quote or a line break asks for them.
std::string CsvQuoted(const std::string& text);
// The header and a line for each row, RFC 4180.
std::string CsvText(const std::vector<Column>& columns, const std::vector<Json>& rows);

// Lines of equal columns, as wide as their widest cell: `margin`, then the cells with two spaces
// between them. `right` says which columns stand at the right, as numbers do; no trailing spaces.
std::string AlignedText(const std::vector<std::vector<std::string>>& lines,
                        const std::vector<bool>& right, absl::string_view margin);

// A cell's text in a table; "" for an absent value.
std::string FormatCell(const Json& row, const Column& column);

}  // namespace torpor::cli
