#include "client/cli/mode_rows.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace torpor::cli {
namespace {

// Name of the accuracy under noise of a level, e.g. "noise_1%": a dot would be a path.
std::string NoiseName(double level) {
  return absl::StrReplaceAll(absl::StrFormat("noise_%.3g%%", 100 * level), {{".", "_"}});
}

void AddInterval(const std::string& figure, bool every_figure, std::vector<Column>& columns) {
  if (!every_figure) return;
  columns.push_back({figure + "_low"});
  columns.push_back({figure + "_high"});
}

}  // namespace

std::string NoiseTitle(double level) { return absl::StrFormat("at %.3g %% noise", 100 * level); }

Json ModeRowJson(const v1::PowerSweepRow& row) {
  Json json = ToJson(row);
  if (!row.has_error()) return json;
  Json bad = {{"epsilon", json["epsilon"]}, {"bias", json["bias"]}, {"error", json["error"]}};
  if (row.has_power_mode()) bad["power_mode"] = json["power_mode"];
  return bad;
}

std::vector<double> NoiseLevels(const v1::Job& job) {
  std::set<double> levels;
  for (const v1::PowerSweepRow& row : job.rows()) {
    for (const v1::NoiseAccuracy& at : row.noise_accuracy()) levels.insert(at.level());
  }
  return {levels.begin(), levels.end()};
}

const v1::NoiseAccuracy* AtNoise(const v1::PowerSweepRow& row, double level) {
  for (const v1::NoiseAccuracy& at : row.noise_accuracy()) {
    if (at.level() == level) return &at;
  }
  return nullptr;
}

ModeTable MakeModeTable(const v1::Job& job, bool every_figure) {
  ModeTable table;
  bool wrong = false;
  bool by_layer = false;
  for (const v1::PowerSweepRow& row : job.rows()) {
    wrong = wrong || row.has_error();
    by_layer = by_layer || !row.power_mode().layer_epsilon().empty();
    Json json = ModeRowJson(row);
    for (const v1::NoiseAccuracy& at : row.noise_accuracy()) {
      const std::string name = NoiseName(at.level());
      json[name] = at.accuracy();
      json[name + "_low"] = at.low();
      json[name + "_high"] = at.high();
    }
    table.rows.push_back(std::move(json));
  }

  std::vector<Column>& columns = table.columns;
  columns.push_back({"epsilon", "", Cell::kNumber});
  if (by_layer) columns.push_back({"power_mode.layer_epsilon", "by layer"});
  columns.push_back({"bias"});
  for (const char* figure : {"accuracy", "loss", "ece", "agreement", "nasp"}) {
    columns.push_back({figure, "", std::string(figure) == "loss" ? Cell::kNumber : Cell::kPercent});
    AddInterval(figure, every_figure, columns);
  }
  columns.push_back({"nasp_nominal", "", Cell::kPercent});
  for (double level : NoiseLevels(job)) {
    const std::string name = NoiseName(level);
    columns.push_back({name, NoiseTitle(level), Cell::kPercent});
    AddInterval(name, every_figure, columns);
  }
  if (every_figure) columns.push_back({"samples"});
  if (every_figure || wrong) columns.push_back({"error.message", "error"});
  return table;
}

void PrintModeRows(Context& context, const v1::Job& job) {
  const ModeTable table = MakeModeTable(job, context.options.format == Format::kCsv);
  Json rows = Json::array();
  for (const v1::PowerSweepRow& row : job.rows()) rows.push_back(ModeRowJson(row));
  Json whole = {{"job", job.name()}, {"session", job.spec().session()}, {"rows", rows}};
  if (job.has_found_mode()) whole["found_mode"] = ToJson(job.found_mode());
  PrintRows(context, table.columns, table.rows, whole);
}

std::string ModeCsv(const v1::Job& job) {
  const ModeTable table = MakeModeTable(job, true);
  return CsvText(table.columns, table.rows);
}

}  // namespace torpor::cli
