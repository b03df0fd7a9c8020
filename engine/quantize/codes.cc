#include "engine/quantize/codes.h"

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

Codes Empty(const FixedPoint& format) {
  const int bits = format.bits();
  if (format.is_signed) {
    if (bits <= 8) return std::vector<int8_t>();
    if (bits <= 16) return std::vector<int16_t>();
    return std::vector<int32_t>();
  }
  if (bits <= 8) return std::vector<uint8_t>();
  if (bits <= 16) return std::vector<uint16_t>();
  return std::vector<uint32_t>();
}

std::string Described(const FixedPoint& format) {
  return absl::StrCat("a multiple of 2^", -format.fraction_bits, " in [", format.lowest(), ", ",
                      format.highest(), "]");
}

}  // namespace

absl::StatusOr<Codes> ToCodes(std::span<const float> values, const FixedPoint& format) {
  TORPOR_CHECK(IsFormat(format));
  Codes codes = Empty(format);
  const float lowest = format.lowest(), highest = format.highest();
  const float scale = std::ldexp(1.0f, format.fraction_bits);
  const size_t n = values.size();
  const size_t wrong = std::visit(
      [&](auto& out) {
        using Code = typename std::remove_reference_t<decltype(out)>::value_type;
        out.resize(n);
        for (size_t i = 0; i < n; ++i) {
          const float code = values[i] * scale;
          // Written so that NaN is wrong too. In range first: the conversion is then defined.
          if (!(values[i] >= lowest && values[i] <= highest) || code != std::floor(code)) return i;
          // Numbers too small for the product to hold are no multiples.
          if (code == 0 && values[i] != 0) return i;
          out[i] = static_cast<Code>(code);
        }
        return n;
      },
      codes);
  if (wrong < n) {
    return absl::InvalidArgumentError(
        absl::StrCat("element ", wrong, " must be ", Described(format), ", got ", values[wrong]));
  }
  return codes;
}

absl::Status FromCodes(const Codes& codes, const FixedPoint& format, std::span<float> values) {
  TORPOR_CHECK(IsFormat(format));
  if (codes.index() != Empty(format).index()) {
    return absl::InvalidArgumentError(
        absl::StrCat("codes must be of the type that ", format.bits(), " bits, ",
                     format.is_signed ? "signed" : "unsigned", ", have"));
  }
  if (SizeOf(codes) != values.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be ", values.size(), " codes, got ", SizeOf(codes)));
  }
  const double lowest = format.lowest(), highest = format.highest();
  const double step = format.step();
  return std::visit(
      [&](const auto& in) -> absl::Status {
        for (size_t i = 0; i < in.size(); ++i) {
          // In double every 32-bit code is exact.
          const double value = static_cast<double>(in[i]) * step;
          values[i] = static_cast<float>(value);
          if (value < lowest || value > highest || values[i] != value) {
            return absl::InvalidArgumentError(
                absl::StrCat("code ", i, " must stand for ", Described(format), ", got ", +in[i]));
          }
        }
        return absl::OkStatus();
      },
      codes);
}

size_t SizeOf(const Codes& codes) {
  return std::visit([](const auto& values) { return values.size(); }, codes);
}

}  // namespace torpor
