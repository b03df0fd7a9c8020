#include "client/cli/mode_levers.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace torpor::cli {
namespace {

using google::protobuf::FieldDescriptor;

const FieldDescriptor* FieldOf(const std::string& lever) {
  return v1::PowerMode::descriptor()->FindFieldByName(lever);
}

bool IsNumber(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_INT32;
}

}  // namespace

double LeverNumber(const v1::PowerSweepRow& row, const std::string& lever) {
  if (lever == "epsilon") return row.epsilon();
  const FieldDescriptor* field = FieldOf(lever);
  if (field == nullptr || field->is_map() || !IsNumber(*field)) return 0;
  const auto& reflection = *v1::PowerMode::GetReflection();
  return field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE
             ? reflection.GetDouble(row.power_mode(), field)
             : reflection.GetInt32(row.power_mode(), field);
}

std::string LeverText(const v1::PowerSweepRow& row, const std::string& lever) {
  const FieldDescriptor* field = FieldOf(lever);
  const auto& reflection = *v1::PowerMode::GetReflection();
  if (lever == "epsilon" && row.has_epsilon()) return absl::StrFormat("%.4g", row.epsilon());
  if (lever == "bias" && row.has_bias()) {
    return absl::AsciiStrToLower(v1::BiasPolicy::Kind_Name(row.bias()));
  }
  if (field == nullptr || field->is_map() || !reflection.HasField(row.power_mode(), field)) {
    return "";
  }
  if (IsNumber(*field)) return absl::StrFormat("%.6g", LeverNumber(row, lever));
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    return reflection.GetBool(row.power_mode(), field) ? "true" : "false";
  }
  return absl::AsciiStrToLower(reflection.GetEnum(row.power_mode(), field)->name());
}

ModeLevers LeversOf(const std::vector<v1::PowerSweepRow>& rows) {
  ModeLevers levers;
  bool epsilon = rows.empty();
  for (const v1::PowerSweepRow& row : rows) epsilon = epsilon || row.has_epsilon();
  std::vector<std::string> differing;
  const auto* descriptor = v1::PowerMode::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *descriptor->field(i);
    if (field.is_map()) continue;
    std::set<std::string> values;
    for (const v1::PowerSweepRow& row : rows) values.insert(LeverText(row, field.name()));
    if (values.size() > 1) differing.push_back(field.name());
  }
  if (!epsilon) {
    const auto number = std::find_if(differing.begin(), differing.end(),
                                     [](const auto& name) { return IsNumber(*FieldOf(name)); });
    levers.x = number == differing.end() ? "steps" : *number;
  }
  for (const std::string& name : differing) {
    if (name != levers.x) levers.others.push_back(name);
  }
  return levers;
}

std::string LeverLabel(const std::string& lever) {
  if (lever == "epsilon") return "epsilon: scale of every synaptic weight (1 = full power)";
  if (lever == "steps") return "steps: ticks of a sample";
  if (lever == "copies") return "copies of the network that vote";
  if (lever == "precision_bits") return "bits of a stored weight (32: float)";
  if (lever == "neuron_bits") return "bits of membrane potentials and thresholds (32: float)";
  if (lever == "margin") return "margin at which a sample stops (spikes)";
  return lever;
}

}  // namespace torpor::cli
