#include "client/cli/name_value.h"

namespace torpor::cli {

std::optional<std::pair<std::string, std::string>> NameAndValue(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == absl::string_view::npos) return std::nullopt;
  return std::make_pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

}  // namespace torpor::cli
