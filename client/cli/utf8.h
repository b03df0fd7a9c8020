// Protobuf's text fields, and with them every error detail, hold UTF-8 only: text from files is
// checked before it gets there.
#pragma once

#include "absl/strings/string_view.h"

namespace torpor::cli {

// The length of the longest prefix that is whole, well-formed UTF-8 (Unicode 15, table 3-7: no
// overlong forms, no surrogates).
size_t ValidUtf8Prefix(absl::string_view text);

}  // namespace torpor::cli
