// Reading gzip without trusting it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace torpor {

// Whether `data` starts with gzip's magic number.
bool IsGzip(std::string_view data);

// The content of a gzip file (RFC 1952; several members are joined). Never holds more than `limit`
// bytes: content beyond it is DATA_LOSS, as are damage, an early end and bytes after the last
// member.
absl::StatusOr<std::string> Gunzip(std::string_view data, size_t limit);

// The first `count` bytes of the content, or all if it is shorter; `data` may be cut off after
// them.
absl::StatusOr<std::string> GunzipPrefix(std::string_view data, size_t count);

}  // namespace torpor
