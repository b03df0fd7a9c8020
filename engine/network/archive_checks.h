// Whether what an archive holds can be what it says it is.
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"

namespace torpor {

// DATA_LOSS with reason ARCHIVE_CORRUPT: "archive: " and what is wrong.
absl::Status CorruptArchive(std::string_view what);

// NaN is within nothing.
bool AllWithin(std::span<const float> values, float low, float high);

}  // namespace torpor
