// Paging of lists: sizes and opaque tokens (AIP-158).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace torpor {

// 0 means 50, more than 1000 means 1000; INVALID_ARGUMENT for the field `page_size` if negative.
absl::StatusOr<int> PageSize(int requested);

// A token that goes on after the row `last_key` of the list that `filter` describes (method and
// filter fields).
std::string PageToken(std::string_view filter, std::string_view last_key);

// The key in a token; "" for "". INVALID_ARGUMENT for the field `page_token` when the token was
// made for another filter or is not a token.
absl::StatusOr<std::string> PageKey(std::string_view filter, std::string_view token);

}  // namespace torpor
