#include "client/cli/session_columns.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"

namespace torpor::cli {
namespace {

std::string LeverValues(const v1::Lever& lever) {
  switch (lever.kind()) {
    case v1::Lever::CHOICE:
      return absl::StrJoin(lever.choices(), ", ");
    case v1::Lever::SWITCH:
      return "false, true";
    default:
      return absl::StrFormat("%s%.12g, %.12g]", lever.minimum_exclusive() ? "(" : "[",
                             lever.minimum(), lever.maximum());
  }
}

}  // namespace

std::vector<Column> PowerModeColumns() {
  std::vector<Column> columns;
  const auto& mode = *v1::PowerMode::descriptor();
  for (int i = 0; i < mode.field_count(); ++i) {
    const std::string& name = mode.field(i)->name();
    columns.push_back({absl::StrCat("power_mode.", name), name});
  }
  return columns;
}

std::vector<Column> RealisationColumns(const v1::Session& session) {
  const v1::Realisation& realisation = session.realisation();
  const bool scaled = absl::c_any_of(
      session.levers(), [](const v1::Lever& lever) { return lever.name() == "epsilon"; });
  std::vector<Column> columns;
  if (scaled || realisation.column_noise() != 0) {
    columns.push_back({"realisation.column_noise", "column_noise", Cell::kPercent});
  }
  if (realisation.off_conductance() != 0) {
    columns.push_back({"realisation.off_conductance", "off_conductance", Cell::kPercent});
  }
  if (realisation.connections() != v1::Connections::UNSPECIFIED) {
    columns.push_back({"realisation.connections", "connections"});
  }
  if (realisation.copies() != 0) {
    columns.push_back({"realisation.copies", "copies of the hardware"});
  }
  return columns;
}

std::vector<Json> LeverRows(const google::protobuf::RepeatedPtrField<v1::Lever>& levers) {
  std::vector<Json> rows;
  for (const v1::Lever& lever : levers) {
    rows.push_back(ToJson(lever));
    rows.back()["values"] = LeverValues(lever);
  }
  return rows;
}

}  // namespace torpor::cli
