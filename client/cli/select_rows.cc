#include "client/cli/select_rows.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/energy_ledger.h"
#include "google/rpc/error_details.pb.h"

namespace torpor::cli {
namespace {

bool StoppedEarly(const v1::SelectArm& arm) {
  for (const auto& detail : arm.error().details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info) && info.reason() == "STOPPED_EARLY") return true;
  }
  return false;
}

bool Finished(const v1::SelectArm& arm) { return !arm.has_error() && !arm.measurements().empty(); }

}  // namespace

std::string StorageText(const v1::SelectArm& arm) {
  if (!arm.has_storage()) return "own";
  const v1::Quantization& bits = arm.storage().quantization();
  std::vector<std::string> words;
  if (bits.has_weight_bits() && bits.has_neuron_bits()) {
    words.push_back(bits.weight_bits() == bits.neuron_bits()
                        ? absl::StrCat(bits.weight_bits(), "-bit qWN")
                        : absl::StrCat(bits.weight_bits(), "/", bits.neuron_bits(), "-bit qWN"));
  } else if (bits.has_weight_bits()) {
    words.push_back(absl::StrCat(bits.weight_bits(), "-bit qW"));
  } else {
    words.push_back(absl::StrCat(bits.neuron_bits(), "-bit qN"));
  }
  if (bits.has_neuron_integer_bits()) {
    words.push_back(absl::StrCat(bits.neuron_integer_bits(), " integer"));
  }
  if (bits.has_range_outliers()) {
    words.push_back(absl::StrCat("range ", bits.range_outliers()));
  }
  if (bits.rounding() != v1::Rounding::UNSPECIFIED) {
    words.push_back(absl::AsciiStrToLower(v1::Rounding::Kind_Name(bits.rounding())));
  }
  words.push_back(arm.storage().scheme() == v1::Scheme::IN_TRAINING ? "ITQ" : "PTQ");
  return absl::StrJoin(words, " ");
}

std::string ArmText(const v1::SelectArm& arm) {
  return absl::StrCat(arm.candidate(), " ", StorageText(arm));
}

std::string ArmMarks(const v1::SelectArm& arm) {
  if (StoppedEarly(arm)) {
    return arm.measurements().empty()
               ? "stopped early"
               : absl::StrCat("stopped early, after ", arm.measurements(0).trained_samples(),
                              " samples");
  }
  if (arm.has_error()) return absl::StrCat("failed: ", arm.error().message());
  std::vector<std::string> marks;
  if (arm.pareto()) marks.push_back("pareto");
  if (arm.chosen()) marks.push_back("chosen");
  return absl::StrJoin(marks, ", ");
}

std::string MuText(const v1::SelectArm& arm) {
  if (!arm.has_mu_low()) return "";
  if (!arm.has_mu_high()) return absl::StrFormat("%.4g ..", arm.mu_low());
  return absl::StrFormat("%.4g .. %.4g", arm.mu_low(), arm.mu_high());
}

std::string MemoryText(double bytes) {
  if (bytes < 1e3) return absl::StrFormat("%.4g B", bytes);
  if (bytes < 1e6) return absl::StrFormat("%.4g kB", bytes / 1e3);
  return absl::StrFormat("%.4g MB", bytes / 1e6);
}

double RewardOf(const v1::SelectArm& arm, double mu) {
  return arm.accuracy() - mu * arm.memory_norm();
}

const v1::SelectArm* BestAt(const v1::Job& job, double mu) {
  const v1::SelectArm* best = nullptr;
  for (const v1::SelectArm& arm : job.arms()) {
    if (!Finished(arm)) continue;
    const double lead = best == nullptr ? 1 : RewardOf(arm, mu) - RewardOf(*best, mu);
    if (lead > 0 || (lead == 0 && arm.accuracy() > best->accuracy())) best = &arm;
  }
  return best;
}

ArmTable MakeArmTable(const v1::Job& job, bool every_figure) {
  ArmTable table;
  for (const v1::SelectArm& arm : job.arms()) {
    Json row = ToJson(arm);
    row.erase("memory");
    row.erase("measurements");
    row["seeds"] = arm.measurements_size();
    row["arm"] = StorageText(arm);
    row["marks"] = ArmMarks(arm);
    row["mu"] = MuText(arm);
    row["memory"] = MemoryText(arm.memory_bytes());
    if (arm.has_joules()) row["energy"] = JoulesText(arm.joules());
    if (arm.measurements().empty()) {
      // Zeros that were never measured are no figures.
      for (const char* figure : {"accuracy", "accuracy_low", "accuracy_high"}) row.erase(figure);
    } else {
      row["range"] =
          absl::StrFormat("%.2f to %.2f", 100 * arm.accuracy_low(), 100 * arm.accuracy_high());
      row["trained_samples"] = arm.measurements(0).trained_samples();
    }
    table.rows.push_back(std::move(row));
  }
  std::vector<Column>& columns = table.columns;
  columns = {{"candidate"}, {"arm", "storage"}, {"accuracy", "", Cell::kPercent}};
  if (every_figure) {
    for (const char* key :
         {"accuracy_low", "accuracy_high", "memory_bytes", "memory_norm", "joules", "pareto",
          "chosen", "mu_low", "mu_high", "seeds", "trained_samples", "error.message"}) {
      columns.push_back({key});
    }
    return table;
  }
  columns.insert(columns.end(), {{"range", "95 %"},
                                 {"memory"},
                                 {"memory_norm", "of M_0", Cell::kPercent},
                                 {"energy"},
                                 {"mu", "best for mu"},
                                 {"marks"}});
  return table;
}

void PrintArms(Context& context, const v1::Job& job, const Json& more) {
  const ArmTable table = MakeArmTable(job, context.options.format == Format::kCsv);
  Json arms = Json::array();
  for (const v1::SelectArm& arm : job.arms()) arms.push_back(ToJson(arm));
  Json whole = {{"job", job.name()}, {"session", job.spec().session()}, {"arms", arms}};
  if (!job.limits_verdict().empty()) whole["limits_verdict"] = job.limits_verdict();
  whole.update(more);
  PrintRows(context, table.columns, table.rows, whole);
  if (!job.limits_verdict().empty()) context.Note(job.limits_verdict());
}

std::string ArmCsv(const v1::Job& job) {
  const ArmTable table = MakeArmTable(job, true);
  return CsvText(table.columns, table.rows);
}

}  // namespace torpor::cli
