// Pairs on the command line: name=value.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace torpor::cli {

// The text before and after the first '='; nothing where there is none or no name before it.
std::optional<std::pair<std::string, std::string>> NameAndValue(absl::string_view text);

}  // namespace torpor::cli
