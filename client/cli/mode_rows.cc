#include "client/cli/mode_rows.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/cli/mode_levers.h"

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

// Whether samples of a mode differ in a figure.
bool Varies(const v1::Distribution& figure) { return figure.p95() > figure.p5(); }

// "3 to 16", the middle 90 % of the samples.
std::string RangeText(const v1::Distribution& figure, double scale) {
  return absl::StrFormat("%.4g to %.4g", scale * figure.p5(), scale * figure.p95());
}

// The mean, and the percentiles where every figure is wanted.
void AddDistribution(const std::string& figure, const std::string& title, bool every_figure,
                     std::vector<Column>& columns) {
  columns.push_back({figure + ".mean", title, Cell::kNumber});
  if (!every_figure) return;
  for (const char* part : {".p5", ".p50", ".p95"}) columns.push_back({figure + part});
}

}  // namespace

std::string NoiseTitle(double level) { return absl::StrFormat("at %.3g %% noise", 100 * level); }

Json ModeRowJson(const v1::PowerSweepRow& row) {
  Json json = ToJson(row);
  // The ledger of one mode is a page of its own (torpor energy report).
  json.erase("energy");
  if (!row.has_error()) return json;
  Json bad = {{"error", json["error"]}};
  for (const char* lever : {"epsilon", "bias", "power_mode"}) {
    if (json.contains(lever)) bad[lever] = json[lever];
  }
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
  bool wrong = false, epsilon = false, bias = false, by_layer = false, steps = false;
  bool joules = false, varied = false;
  for (const v1::PowerSweepRow& row : job.rows()) {
    wrong = wrong || row.has_error();
    epsilon = epsilon || row.has_epsilon();
    bias = bias || row.has_bias();
    by_layer = by_layer || !row.power_mode().layer_epsilon().empty();
    steps = steps || row.has_steps();
    joules = joules || row.has_joules();
    Json json = ModeRowJson(row);
    varied = varied || Varies(row.steps()) || Varies(row.joules());
    if (row.has_steps()) json["steps_range"] = RangeText(row.steps(), 1);
    if (row.has_joules()) {
      json["energy_nj"] = row.joules().mean() * 1e9;
      json["energy_range"] = RangeText(row.joules(), 1e9);
    }
    for (const v1::NoiseAccuracy& at : row.noise_accuracy()) {
      const std::string name = NoiseName(at.level());
      json[name] = at.accuracy();
      json[name + "_low"] = at.low();
      json[name + "_high"] = at.high();
    }
    table.rows.push_back(std::move(json));
  }

  std::vector<Column>& columns = table.columns;
  const ModeLevers levers = LeversOf({job.rows().begin(), job.rows().end()});
  if (epsilon) {
    columns.push_back({"epsilon", "", Cell::kNumber});
  } else {
    columns.push_back({"power_mode." + levers.x, levers.x});
  }
  if (by_layer) columns.push_back({"power_mode.layer_epsilon", "by layer"});
  if (bias) columns.push_back({"bias"});
  for (const std::string& lever : levers.others) {
    if (lever != "epsilon" && lever != "bias") columns.push_back({"power_mode." + lever, lever});
  }
  for (const char* figure : {"accuracy", "loss", "ece", "agreement", "nasp"}) {
    columns.push_back({figure, "", std::string(figure) == "loss" ? Cell::kNumber : Cell::kPercent});
    AddInterval(figure, every_figure, columns);
  }
  columns.push_back({"nasp_nominal", "", Cell::kPercent});
  // The middle 90 % of the samples, where they differ at all.
  const bool ranges = varied && !every_figure;
  if (steps) AddDistribution("steps", "steps taken", every_figure, columns);
  if (steps && ranges) columns.push_back({"steps_range", "5 to 95 %"});
  if (joules && every_figure) AddDistribution("joules", "joules", every_figure, columns);
  if (joules && !every_figure) columns.push_back({"energy_nj", "energy (nJ)", Cell::kNumber});
  if (joules && ranges) columns.push_back({"energy_range", "5 to 95 %"});
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
