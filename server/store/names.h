// Resource names (`sessions/{id}`) and ids.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace torpor {

// OK if `id` is [a-z][a-z0-9-]{0,62}; else INVALID_ARGUMENT for the field `path`.
absl::Status CheckId(std::string_view path, std::string_view id);

// The id in a name such as "sessions/mlp" of the collection "sessions". INVALID_ARGUMENT for the
// field `path` otherwise.
absl::StatusOr<std::string> IdOf(std::string_view collection, std::string_view name,
                                 std::string_view path);

// "sessions/mlp".
std::string NameOf(std::string_view collection, std::string_view id);

// A fresh id: `prefix`, a hyphen and eight random characters of [a-z0-9].
std::string RandomId(std::string_view prefix);

// 128 random bits of the operating system in hex.
std::string RandomUid();

}  // namespace torpor
