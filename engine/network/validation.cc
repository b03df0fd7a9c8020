#include "engine/network/validation.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace torpor {

bool IsLayerName(std::string_view name) {
  if (name.empty() || name.size() > 32 || !absl::ascii_islower(name[0])) return false;
  for (char c : name) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '_' && c != '-') return false;
  }
  return true;
}

std::string LayerName(const std::string& name, int index) {
  return name.empty() ? absl::StrCat("layer", index) : name;
}

std::string LayerNames::Check(const std::string& name, int index, const std::string& path,
                              Violations& violations) {
  if (!name.empty() && !IsLayerName(name)) {
    violations.Add(absl::StrCat(path, ".name"),
                   absl::StrCat("must match [a-z][a-z0-9_-]{0,31}, got \"", name, "\""));
  }
  std::string own = LayerName(name, index);
  if (!taken_.insert(own).second) {
    violations.Add(absl::StrCat(path, ".name"),
                   absl::StrCat("must be unique, \"", own, "\" is the name of a layer before"));
  }
  return own;
}

void CheckDisplayName(const v1::Network& network, Violations& violations) {
  int characters = 0;
  for (char c : network.display_name()) characters += (c & 0xC0) != 0x80;  // UTF-8 code points
  if (characters > 63) {
    violations.Add("display_name",
                   absl::StrCat("must have at most 63 characters, has ", characters));
  }
}

int64_t CheckInput(const v1::Input& input, const std::string& path, Violations& violations) {
  if (input.shape().empty()) {
    violations.Add(path, "must have at least one dimension, e.g. [784]");
    return 0;
  }
  int64_t elements = 1;
  bool valid = true;
  for (int i = 0; i < input.shape_size(); ++i) {
    const int64_t dimension = input.shape(i);
    if (dimension < 1 || dimension > kMaxDimension) {
      violations.Add(absl::StrCat(path, "[", i, "]"),
                     absl::StrCat("must be in 1..", kMaxDimension, ", got ", dimension));
      valid = false;
    } else if (valid && elements > 0) {
      // Stays far below overflow: elements <= 2^24 and dimension <= 2^16.
      elements *= dimension;
      if (elements > kMaxInputElements) elements = -1;
    }
  }
  if (!valid) return 0;
  if (elements < 0) {
    violations.Add(path,
                   absl::StrCat("the product must be at most ", kMaxInputElements, " values"));
    return 0;
  }
  return elements;
}

}  // namespace torpor
