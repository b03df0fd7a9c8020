// The inverse of a measured curve that does not fall.
#pragma once

#include <functional>

#include "absl/status/statusor.h"

namespace torpor {

struct InverseOptions {
  // Ends of the argument; the curve is asked there only when nothing between answers.
  double low = 0;
  double high = 1;
  // Where to look first, e.g. the answer of a similar curve.
  double start = 0.5;
  // Good enough: |value - target| at most this.
  double tolerance = 0;
};

struct Inverse {
  double argument = 0;
  double value = 0;
  // Where the answer lies. At an end, `argument` is that end.
  enum class Place { kWithin, kBelowLow, kAboveHigh } place = Place::kWithin;
};

// The argument at which `curve`, whose values are positive and do not fall, has the value `target`.
// Bisection that tries secants of ln(value) first: it never leaves the bracket of arguments below
// and above the target, and halves it whenever secants do not. Where the curve jumps over the
// target, the nearer side of the jump. Errors are the curve's.
absl::StatusOr<Inverse> Invert(const std::function<absl::StatusOr<double>(double)>& curve,
                               double target, const InverseOptions& options);

}  // namespace torpor
