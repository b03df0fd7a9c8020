#include "engine/network/levers.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "google/protobuf/map_field.h"
#include "google/protobuf/message.h"

namespace torpor {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

constexpr std::string_view kLayerPrefix = "layer_";

std::string RangeText(const v1::Lever& lever) {
  return absl::StrCat("must be in ", lever.minimum_exclusive() ? "(" : "[", lever.minimum(), ", ",
                      lever.maximum(), "]");
}

void CheckNumber(const v1::Lever& lever, double value, const std::string& path,
                 Violations& violations) {
  const bool above = lever.minimum_exclusive() ? value > lever.minimum() : value >= lever.minimum();
  if (!(above && value <= lever.maximum())) {  // so written that NaN is refused
    violations.Add(path, absl::StrCat(RangeText(lever), ", got ", value));
  }
}

void CheckChoice(const v1::Lever& lever, const std::string& value, const std::string& path,
                 Violations& violations) {
  const auto& choices = lever.choices();
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    violations.Add(path,
                   absl::StrCat("must be one of ", absl::StrJoin(choices, ", "), ", got ", value));
  }
}

double NumberOf(const v1::PowerMode& mode, const FieldDescriptor* field) {
  const Reflection& reflection = *mode.GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    return reflection.GetDouble(mode, field);
  }
  TORPOR_CHECK(field->cpp_type() == FieldDescriptor::CPPTYPE_INT32);
  return reflection.GetInt32(mode, field);
}

}  // namespace

Levers::Levers(std::vector<v1::Lever> levers, std::vector<std::string> layer_names,
               std::vector<std::string> other_layers)
    : levers_(std::move(levers)),
      layer_names_(std::move(layer_names)),
      other_layers_(std::move(other_layers)) {}

absl::Status Levers::Check(const v1::PowerMode& mode) const {
  std::vector<std::string> names;
  for (const v1::Lever& lever : levers_) names.push_back(lever.name());
  auto find = [this](std::string_view name) -> const v1::Lever* {
    for (const v1::Lever& lever : levers_) {
      if (lever.name() == name) return &lever;
    }
    return nullptr;
  };

  Violations violations;
  std::vector<const FieldDescriptor*> set;
  mode.GetReflection()->ListFields(mode, &set);
  for (const FieldDescriptor* field : set) {
    std::string_view name = field->name();
    const bool by_layer = field->is_map();
    if (by_layer && name.starts_with(kLayerPrefix)) name.remove_prefix(kLayerPrefix.size());
    const v1::Lever* lever = find(name);
    if (lever == nullptr || (by_layer && !lever->per_layer())) {
      violations.Add(field->name(), absl::StrCat("this network has no such lever; it has ",
                                                 absl::StrJoin(names, ", ")));
    } else if (by_layer) {
      // The only lever by layer so far; a second one makes this a table of accessors.
      TORPOR_CHECK(field->number() == v1::PowerMode::kLayerEpsilonFieldNumber);
      std::vector<std::pair<std::string, double>> entries(mode.layer_epsilon().begin(),
                                                          mode.layer_epsilon().end());
      std::sort(entries.begin(), entries.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      for (const auto& [layer, value] : entries) {
        const std::string path = absl::StrCat(field->name(), "[", layer, "]");
        if (std::find(layer_names_.begin(), layer_names_.end(), layer) == layer_names_.end()) {
          const bool known =
              std::find(other_layers_.begin(), other_layers_.end(), layer) != other_layers_.end();
          violations.Add(path, absl::StrCat(known ? "this layer has no weights to scale; those "
                                                    "that have are "
                                                  : "no such layer; the layers are ",
                                            absl::StrJoin(layer_names_, ", ")));
        } else {
          CheckNumber(*lever, value, path, violations);
        }
      }
    } else if (lever->kind() == v1::Lever::NUMBER) {
      CheckNumber(*lever, NumberOf(mode, field), field->name(), violations);
    } else if (lever->kind() == v1::Lever::CHOICE) {
      const int number = mode.GetReflection()->GetEnumValue(mode, field);
      const auto* value = field->enum_type()->FindValueByNumber(number);
      CheckChoice(*lever,
                  value == nullptr ? absl::StrCat(number) : absl::AsciiStrToLower(value->name()),
                  field->name(), violations);
    }  // a switch may be on or off
  }
  return violations.ToStatus();
}

absl::StatusOr<v1::PowerMode> MergeModes(const v1::PowerMode& base, const v1::PowerMode& change,
                                         const std::vector<std::string>& paths) {
  const auto* descriptor = v1::PowerMode::descriptor();
  v1::PowerMode merged = base;
  Violations violations;
  for (const std::string& path : paths) {
    const FieldDescriptor* field = descriptor->FindFieldByName(path);
    if (field == nullptr) {
      std::vector<std::string> known;
      for (int i = 0; i < descriptor->field_count(); ++i) {
        known.push_back(descriptor->field(i)->name());
      }
      violations.Add(path, absl::StrCat("is not a lever; levers are ", absl::StrJoin(known, ", ")));
      continue;
    }
    // Merging a message that holds this field alone copies it, map or not.
    v1::PowerMode one = change;
    std::vector<const FieldDescriptor*> set;
    one.GetReflection()->ListFields(one, &set);
    for (const FieldDescriptor* other : set) {
      if (other != field) one.GetReflection()->ClearField(&one, other);
    }
    merged.GetReflection()->ClearField(&merged, field);
    merged.MergeFrom(one);
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  return merged;
}

absl::Status CheckRealisation(const v1::Realisation& realisation) {
  Violations violations;
  const double noise = realisation.column_noise();
  if (!(noise >= 0 && noise <= 10)) {
    violations.Add("column_noise", absl::StrCat("must be in [0, 10], got ", noise));
  }
  const double off = realisation.off_conductance();
  if (!(off >= 0 && off < 1)) {
    violations.Add("off_conductance", absl::StrCat("must be in [0, 1), got ", off));
  }
  if (!v1::Connections::Kind_IsValid(realisation.connections())) {
    violations.Add("connections", absl::StrCat("must be THRESHOLD or SAMPLED, got ",
                                               static_cast<int>(realisation.connections())));
  }
  if (realisation.copies() < 0 || realisation.copies() > kMaxCopies) {
    violations.Add("copies", absl::StrCat("must be in 0..", kMaxCopies, " (0 means 1), got ",
                                          realisation.copies()));
  }
  return violations.ToStatus();
}

}  // namespace torpor
