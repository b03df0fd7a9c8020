#include "client/cli/output.h"

#include <algorithm>
#include <cmath>
#include <iomanip>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace torpor::cli {
namespace {

// The value at a dotted path, or null. A key that holds dots itself does not occur in our messages.
const Json* Find(const Json& row, absl::string_view path) {
  const Json* at = &row;
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(part);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at->is_null() ? nullptr : at;
}

std::string Title(const Column& column) {
  if (!column.title.empty()) return column.title;
  return column.key.substr(column.key.rfind('.') + 1);
}

std::string Bytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  for (; bytes >= 1024 && unit < 4; ++unit) bytes /= 1024;
  return unit == 0 ? absl::StrFormat("%.0f B", bytes)
                   : absl::StrFormat("%.1f %s", bytes, kUnits[unit]);
}

// A value as text without quotes; lists by comma.
std::string Plain(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    return absl::StrJoin(
        value, ",", [](std::string* out, const Json& item) { absl::StrAppend(out, Plain(item)); });
  }
  if (value.is_object()) {
    return absl::StrJoin(value.items(), " ", [](std::string* out, const auto& item) {
      absl::StrAppend(out, item.key(), "=", Plain(item.value()));
    });
  }
  if (value.is_number_float()) return absl::StrFormat("%.6g", value.get<double>());
  return Dump(value, -1);
}

std::string CsvCell(const Json* value) {
  if (value == nullptr) return "";
  return CsvQuoted(value->is_string() || value->is_structured() ? Plain(*value) : Dump(*value, -1));
}

// Columns on a terminal, not bytes: counts the beginnings of UTF-8 sequences.
size_t Width(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

}  // namespace

std::string CsvQuoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string AlignedText(const std::vector<std::vector<std::string>>& lines,
                        const std::vector<bool>& right, absl::string_view margin) {
  std::vector<size_t> widths(right.size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], Width(line[i]));
  }
  std::string out;
  for (const auto& line : lines) {
    std::string text(margin);
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string space(widths[i] - Width(line[i]), ' ');
      absl::StrAppend(&text, i == 0 ? "" : "  ", right[i] ? space : "", line[i],
                      right[i] ? "" : space);
    }
    absl::StrAppend(&out, text.substr(0, text.find_last_not_of(' ') + 1), "\n");
  }
  return out;
}

std::string CsvText(const std::vector<Column>& columns, const std::vector<Json>& rows) {
  const auto key = [](std::string* text, const Column& column) {
    absl::StrAppend(text, column.key);
  };
  std::string csv = absl::StrCat(absl::StrJoin(columns, ",", key), "\n");
  for (const Json& row : rows) {
    const auto cell = [&row](std::string* text, const Column& column) {
      absl::StrAppend(text, CsvCell(Find(row, column.key)));
    };
    absl::StrAppend(&csv, absl::StrJoin(columns, ",", cell), "\n");
  }
  return csv;
}

std::string FormatCell(const Json& row, const Column& column) {
  const Json* value = Find(row, column.key);
  if (value == nullptr) return "";
  if (value->is_number() && column.cell != Cell::kText) {
    const double number = value->get<double>();
    if (!std::isfinite(number)) return "-";
    if (column.cell == Cell::kPercent) return absl::StrFormat("%.2f %%", 100 * number);
    if (column.cell == Cell::kBytes) return Bytes(number);
    return absl::StrFormat("%.4g", number);
  }
  std::string text = Plain(*value);
  for (const char* collection : {"sessions/", "jobs/", "models/", "datasets/"}) {
    if (absl::StartsWith(text, collection))
      return text.substr(absl::string_view(collection).size());
  }
  return text;
}

void PrintRows(Context& context, const std::vector<Column>& columns, const std::vector<Json>& rows,
               const Json& whole) {
  if (context.options.format == Format::kJson) {
    context.out << Dump(whole) << std::endl;
    return;
  }
  if (context.options.format == Format::kCsv) {
    context.out << CsvText(columns, rows);
    context.out.flush();
    return;
  }
  std::vector<std::vector<std::string>> cells(1);
  std::vector<bool> right;
  for (const Column& column : columns) {
    cells[0].push_back(Title(column));
    right.push_back(column.cell != Cell::kText);
  }
  for (const Json& row : rows) {
    cells.emplace_back();
    for (const Column& column : columns) cells.back().push_back(FormatCell(row, column));
  }
  context.out << AlignedText(cells, right, "") << std::flush;
}

void PrintObject(Context& context, const std::vector<Column>& columns, const Json& object) {
  if (context.options.format == Format::kJson) {
    context.out << Dump(object) << std::endl;
    return;
  }
  if (context.options.format == Format::kCsv) {
    context.out << CsvText(columns, {object});
    context.out.flush();
    return;
  }
  size_t width = 0;
  for (const Column& column : columns) {
    if (!FormatCell(object, column).empty()) width = std::max(width, Width(Title(column)));
  }
  for (const Column& column : columns) {
    const std::string value = FormatCell(object, column);
    if (value.empty()) continue;
    const std::string title = Title(column);
    context.out << title << std::string(width - Width(title) + 2, ' ') << value << '\n';
  }
  context.out.flush();
}

}  // namespace torpor::cli
