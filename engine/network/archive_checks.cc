#include "engine/network/archive_checks.h"

#include <algorithm>
#include <string>

#include "engine/base/status.h"

namespace torpor {

absl::Status CorruptArchive(std::string_view what) {
  return WithReason(absl::DataLossError("archive: " + std::string(what)), "ARCHIVE_CORRUPT");
}

bool AllWithin(std::span<const float> values, float low, float high) {
  return std::all_of(values.begin(), values.end(),
                     [&](float value) { return value >= low && value <= high; });
}

}  // namespace torpor
