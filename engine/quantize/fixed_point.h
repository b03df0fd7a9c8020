// Fixed-point formats: what a stored number can be.
#pragma once

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "torpor/v1/quantization.pb.h"

namespace torpor {

inline constexpr int kMinBits = 1;
inline constexpr int kMaxBits = 32;
// Formats beyond +-64 integer bits are not made: all scales then are normal floats.
inline constexpr int kMaxIntegerBits = 64;

// Multiples of 2^-fraction_bits in [0, 2^integer_bits), or in [-2^integer_bits, 2^integer_bits) if
// signed; numbers outside saturate. fraction_bits may be negative: the step is then above 1; so may
// integer_bits: all numbers are then small. Formats of at most 24 bits without the sign are exact
// in float; of wider ones float holds the numbers that have no more than 24 significant bits, and
// those are the numbers stored.
struct FixedPoint {
  int integer_bits = 0;
  int fraction_bits = 0;
  bool is_signed = false;

  // Bits of one stored number, with the sign.
  int bits() const { return (is_signed ? 1 : 0) + integer_bits + fraction_bits; }
  // Distance between neighbours.
  float step() const { return std::ldexp(1.0f, -fraction_bits); }
  float lowest() const { return is_signed ? -std::ldexp(1.0f, integer_bits) : 0.0f; }
  // The largest float that is stored: 2^integer_bits - step() in formats that float holds.
  float highest() const {
    const float end = std::ldexp(1.0f, integer_bits);
    const float highest = end - step();
    return highest < end ? highest : std::nextafter(end, 0.0f);
  }
};

inline bool operator==(const FixedPoint& a, const FixedPoint& b) {
  return a.integer_bits == b.integer_bits && a.fraction_bits == b.fraction_bits &&
         a.is_signed == b.is_signed;
}

// INVALID_ARGUMENT for the field at `path` unless bits are in 1..32.
absl::Status CheckBits(int bits, std::string path);

// Whether the format has 1..32 bits, of which at most +-64 are integer bits: what a caller owes to
// everything in this folder that takes a format.
bool IsFormat(const FixedPoint& format);

// The stored number for x, which is not NaN. `noise` is uniform in [0, 1) and used by STOCHASTIC
// alone. UNSPECIFIED is NEAREST. Idempotent; for one noise monotone; never -0. Right to the last
// bit, with two exceptions: |x| below 2^-126 step() may become 0, and where x / step() - noise has
// more than 24 binary places the chance of going up is off by 2^-24 at most.
inline float Quantise(float x, const FixedPoint& format, v1::Rounding::Kind rounding,
                      float noise = 0) {
  const float steps = std::ldexp(x, format.fraction_bits);
  float whole = std::floor(steps);
  // Exact, but for a tiny negative number, where it becomes 1: hence no sum of it and 0 or 1/2.
  const float lost = steps - whole;
  const bool up = rounding == v1::Rounding::TRUNCATE     ? false
                  : rounding == v1::Rounding::STOCHASTIC ? lost + noise >= 1.0f
                                                         : lost >= 0.5f;
  if (up) whole += 1.0f;
  const float stored = std::ldexp(whole, -format.fraction_bits) + 0.0f;
  return stored < format.lowest()    ? format.lowest()
         : stored > format.highest() ? format.highest()
                                     : stored;
}

}  // namespace torpor
