#include "client/cli/power_mode.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/errors.h"
#include "client/cli/name_value.h"
#include "google/protobuf/descriptor.h"

namespace torpor::cli {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

constexpr size_t kMaxGrid = 1000;
constexpr absl::string_view kPerLayer = "layer_epsilon.";

void Mask(PowerChange& change, absl::string_view path) {
  for (const std::string& known : change.mask.paths()) {
    if (known == path) return;
  }
  change.mask.add_paths(std::string(path));
}

std::vector<std::string> LeverNames() {
  std::vector<std::string> names;
  for (int i = 0; i < v1::PowerMode::descriptor()->field_count(); ++i) {
    const FieldDescriptor* field = v1::PowerMode::descriptor()->field(i);
    names.push_back(field->is_map() ? absl::StrCat(field->name(), ".LAYER") : field->name());
  }
  return names;
}

absl::Status NotANumber(absl::string_view lever, absl::string_view text) {
  return UsageError(absl::StrCat(lever, ": must be a number, got `", text, "`"));
}

// The values of an enum in lower case, without its zero.
std::vector<std::string> Words(const EnumDescriptor& type) {
  std::vector<std::string> words;
  for (int i = 1; i < type.value_count(); ++i) {
    words.push_back(absl::AsciiStrToLower(type.value(i)->name()));
  }
  return words;
}

// The number of the value that `word` names.
absl::StatusOr<int> ParseWord(const std::string& lever, const std::string& word,
                              const EnumDescriptor& type) {
  const auto* value = type.FindValueByName(absl::AsciiStrToUpper(word));
  if (value != nullptr && value->number() != 0) return value->number();
  const std::vector<std::string> choices = Words(type);
  const std::string close = ClosestTo(word, choices);
  const std::string choice = close.empty() ? choices[0] : close;
  return UsageError(
      absl::StrCat(lever, ": must be one of ", absl::StrJoin(choices, ", "), ", got `", word, "`"),
      lever == "bias" ? "--bias" : "",
      lever == "bias" ? absl::StrCat("--bias ", choice) : absl::StrCat(lever, "=", choice));
}

absl::Status SetLever(const std::string& name, const std::string& value, PowerChange& change) {
  if (absl::StartsWith(name, kPerLayer) && name.size() > kPerLayer.size()) {
    double number;
    if (!absl::SimpleAtod(value, &number)) return NotANumber(name, value);
    (*change.mode.mutable_layer_epsilon())[name.substr(kPerLayer.size())] = number;
    Mask(change, "layer_epsilon");
    return absl::OkStatus();
  }
  const FieldDescriptor* field = v1::PowerMode::descriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_map()) {
    const std::string close = ClosestTo(name, LeverNames());
    return UsageError(absl::StrCat("no lever `", name, "`"),
                      absl::StrCat("levers: ", absl::StrJoin(LeverNames(), ", ")),
                      close.empty() ? "torpor power get SESSION, which lists the session's levers"
                                    : absl::StrCat(close, "=", value));
  }
  const auto* reflection = change.mode.GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    CLI_ASSIGN_OR_RETURN(const int kind, ParseWord(name, value, *field->enum_type()));
    reflection->SetEnumValue(&change.mode, field, kind);
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    bool on;
    if (!absl::SimpleAtob(value, &on)) {
      return UsageError(absl::StrCat(name, ": must be true or false, got `", value, "`"), "",
                        absl::StrCat(name, "=true"));
    }
    reflection->SetBool(&change.mode, field, on);
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    int32_t number;
    if (!absl::SimpleAtoi(value, &number)) {
      return UsageError(absl::StrCat(name, ": must be a whole number, got `", value, "`"));
    }
    reflection->SetInt32(&change.mode, field, number);
  } else {
    double number;
    if (!absl::SimpleAtod(value, &number)) return NotANumber(name, value);
    reflection->SetDouble(&change.mode, field, number);
  }
  Mask(change, name);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::BiasPolicy::Kind> ParseBias(const std::string& word) {
  CLI_ASSIGN_OR_RETURN(const int kind, ParseWord("bias", word, *v1::BiasPolicy::Kind_descriptor()));
  return static_cast<v1::BiasPolicy::Kind>(kind);
}

std::string BiasWords() { return absl::StrJoin(Words(*v1::BiasPolicy::Kind_descriptor()), ", "); }

absl::StatusOr<PowerChange> ParsePowerChange(const std::vector<std::string>& levers,
                                             const std::string& epsilon, const std::string& bias) {
  PowerChange change;
  for (const std::string& lever : levers) {
    const auto change_to = NameAndValue(lever);
    if (!change_to) {
      return UsageError(absl::StrCat("not lever=value: `", lever, "`"), "",
                        "epsilon=0.4 or --epsilon 0.4");
    }
    CLI_RETURN_IF_ERROR(WithWhere(SetLever(change_to->first, change_to->second, change), lever));
  }
  if (!epsilon.empty() && absl::StrContains(epsilon, '=')) {
    for (const absl::string_view part : absl::StrSplit(epsilon, ',')) {
      const auto layer = NameAndValue(part);
      if (!layer) {
        return UsageError(absl::StrCat("not layer=number: `", part, "`"), "--epsilon",
                          "--epsilon hidden=0.2,out=1");
      }
      CLI_RETURN_IF_ERROR(WithWhere(
          SetLever(absl::StrCat(kPerLayer, layer->first), layer->second, change), "--epsilon"));
    }
  } else if (!epsilon.empty()) {
    CLI_RETURN_IF_ERROR(WithWhere(SetLever("epsilon", epsilon, change), "--epsilon"));
    Mask(change, "layer_epsilon");
  }
  if (!bias.empty()) CLI_RETURN_IF_ERROR(SetLever("bias", bias, change));
  return change;
}

absl::StatusOr<std::vector<double>> ParseGrid(const std::string& text, const std::string& flag) {
  std::vector<double> grid;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, ':');
    double numbers[3] = {0, 0, 0};
    bool good = ends.size() == 1 || ends.size() == 3;
    for (size_t i = 0; good && i < ends.size(); ++i) {
      good = absl::SimpleAtod(ends[i], &numbers[i]) && std::isfinite(numbers[i]);
    }
    if (good && ends.size() == 3) {
      const double steps = (numbers[1] - numbers[0]) / numbers[2];
      good = std::isfinite(steps) && steps >= 0 && steps < kMaxGrid;
      // A hair more than the quotient, so that 0.1:1:0.1 ends with 1 in spite of rounding.
      for (int i = 0; good && i <= std::floor(steps + 1e-9); ++i) {
        // To twelve decimals: 0.3, not 0.30000000000000004.
        grid.push_back(std::round((numbers[0] + i * numbers[2]) * 1e12) / 1e12);
      }
    } else if (good) {
      grid.push_back(numbers[0]);
    }
    if (!good || grid.size() > kMaxGrid) {
      return UsageError(absl::StrCat("not a list of at most 1000 numbers: `", text, "`"), flag,
                        absl::StrCat(flag, " 1,0.5,0.2 or ", flag, " 0.1:1:0.1"));
    }
  }
  return grid;
}

}  // namespace torpor::cli
