#include "server/store/page.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr int kDefaultSize = 50;
constexpr int kMaximumSize = 1000;
constexpr size_t kCheckLength = 16;

// Ties a token to its list. It guards against mistakes, not against attackers: a token grants
// nothing.
std::string CheckOf(std::string_view filter, std::string_view key) {
  return Sha256Hex(absl::StrCat("torpor-page\n", filter.size(), "\n", std::string(filter), "\n",
                                std::string(key)))
      .substr(0, kCheckLength);
}

}  // namespace

absl::StatusOr<int> PageSize(int requested) {
  if (requested < 0) {
    return FieldError("page_size", absl::StrCat("must be in 0..1000, got ", requested));
  }
  return requested == 0 ? kDefaultSize : std::min(requested, kMaximumSize);
}

std::string PageToken(std::string_view filter, std::string_view last_key) {
  return absl::WebSafeBase64Escape(CheckOf(filter, last_key) + std::string(last_key));
}

absl::StatusOr<std::string> PageKey(std::string_view filter, std::string_view token) {
  if (token.empty()) return std::string();
  std::string plain;
  if (token.size() <= 1024 && absl::WebSafeBase64Unescape(std::string(token), &plain) &&
      plain.size() > kCheckLength) {
    const std::string key = plain.substr(kCheckLength);
    if (plain.substr(0, kCheckLength) == CheckOf(filter, key)) return key;
  }
  return FieldError("page_token", "is not a token of this list with these filters");
}

}  // namespace torpor
