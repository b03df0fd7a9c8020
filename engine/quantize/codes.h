// Stored numbers as the integers that a memory holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/quantize/fixed_point.h"

namespace torpor {

// Each number divided by the format's step, in the narrowest integers that hold the format: uint8_t
// for unsigned formats of at most 8 bits, int8_t for signed ones, likewise 16 and 32.
using Codes = std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>,
                           std::vector<int16_t>, std::vector<uint32_t>, std::vector<int32_t>>;

// INVALID_ARGUMENT naming the first element that is not a number of the format (Quantise makes
// them so), with its value.
absl::StatusOr<Codes> ToCodes(std::span<const float> values, const FixedPoint& format);

// The numbers again, exactly: FromCodes(ToCodes(x)) is x, with 0 for -0. INVALID_ARGUMENT if the
// codes are not as many as `values`, not of the type that the format has, or if one of them is not
// a number of the format that float holds.
absl::Status FromCodes(const Codes& codes, const FixedPoint& format, std::span<float> values);

size_t SizeOf(const Codes& codes);

}  // namespace torpor
