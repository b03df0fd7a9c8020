// Fixed-point formats: what a stored number can be.
#pragma once

#include <cmath>

#include "torpor/v1/quantization.pb.h"

namespace torpor {

// Multiples of 2^-fraction_bits in [0, 2^integer_bits), or in [-2^integer_bits, 2^integer_bits) if
// signed; numbers outside saturate. fraction_bits may be negative: the step is then above 1.
// Formats of at most 24 bits are exact in float.
struct FixedPoint {
  int integer_bits = 0;
  int fraction_bits = 0;
  bool is_signed = false;

  // Bits of one stored number, with the sign.
  int bits() const { return (is_signed ? 1 : 0) + integer_bits + fraction_bits; }
  // Distance between neighbours.
  float step() const { return std::ldexp(1.0f, -fraction_bits); }
  float lowest() const { return is_signed ? -std::ldexp(1.0f, integer_bits) : 0.0f; }
  float highest() const { return std::ldexp(1.0f, integer_bits) - step(); }
};

inline bool operator==(const FixedPoint& a, const FixedPoint& b) {
  return a.integer_bits == b.integer_bits && a.fraction_bits == b.fraction_bits &&
         a.is_signed == b.is_signed;
}

// The stored number for x, which is not NaN. `noise` is uniform in [0, 1) and used by STOCHASTIC
// alone. UNSPECIFIED is NEAREST. Exact for formats of at most 24 bits; idempotent and, for one
// noise, monotone.
inline float Quantise(float x, const FixedPoint& format, v1::Rounding::Kind rounding,
                      float noise = 0) {
  const float steps = std::ldexp(x, format.fraction_bits);
  float whole = std::floor(steps);
  // The lost part is exact in float, the sum of it and the noise decides.
  const float lost = steps - whole;
  const float add = rounding == v1::Rounding::TRUNCATE     ? 0.0f
                    : rounding == v1::Rounding::STOCHASTIC ? noise
                                                           : 0.5f;
  if (lost + add >= 1.0f) whole += 1.0f;
  const float stored = std::ldexp(whole, -format.fraction_bits);
  return stored < format.lowest()    ? format.lowest()
         : stored > format.highest() ? format.highest()
                                     : stored;
}

}  // namespace torpor
