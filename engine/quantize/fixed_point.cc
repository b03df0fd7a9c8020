#include "engine/quantize/fixed_point.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {

absl::Status CheckBits(int bits, std::string path) {
  if (bits >= kMinBits && bits <= kMaxBits) return absl::OkStatus();
  return FieldError(std::move(path),
                    absl::StrCat("must be in ", kMinBits, "..", kMaxBits, ", got ", bits));
}

bool IsFormat(const FixedPoint& format) {
  // Bounded first, so that the sum cannot overflow.
  return std::abs(static_cast<long>(format.integer_bits)) <= kMaxIntegerBits &&
         std::abs(static_cast<long>(format.fraction_bits)) <= kMaxIntegerBits + kMaxBits &&
         format.bits() >= kMinBits && format.bits() <= kMaxBits;
}

}  // namespace torpor
