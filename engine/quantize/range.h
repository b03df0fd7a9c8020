// How many integer bits a set of numbers needs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/quantize/fixed_point.h"

namespace torpor {

// Takes numbers and tells the narrowest range that holds them. Counts alone are kept (2 KiB): any
// number of values in any order, in parts that are merged, gives the same answer. Not thread-safe.
class RangeObserver {
 public:
  // Values that are not NaN; infinities count as numbers that no format holds.
  void Observe(std::span<const float> values);
  void Merge(const RangeObserver& other);

  int64_t count() const { return count_; }
  // Smallest and largest value; 0 if there was none.
  float lowest() const { return lowest_; }
  float highest() const { return highest_; }
  // Whether any value was below 0.
  bool is_signed() const { return lowest_ < 0; }

  // The smallest n, in -64..64 and possibly negative, such that at most floor(outliers * count())
  // values lie outside [-2^n, 2^n). A format of so many integer bits changes the others by rounding
  // alone. 0 if nothing but zeros was seen; 64 if even that is too small. `outliers` in [0, 1].
  int IntegerBits(double outliers = 0) const;
  // Count, lowest, highest, then the counts, whole numbers all but two: for archives. And back;
  // INVALID_ARGUMENT says what such numbers cannot be.
  std::vector<double> ToNumbers() const;
  static absl::StatusOr<RangeObserver> FromNumbers(std::span<const double> numbers);
  static constexpr int kNumbers = 3 + 2 * kMaxIntegerBits + 2;

  // Of `bits` bits in all, with the sign, in 1..32; signed if any value, outliers too, was below 0.
  FixedPoint Format(int bits, double outliers = 0) const;

 private:
  static constexpr int kClasses = 2 * kMaxIntegerBits + 2;

  int64_t count_ = 0;
  float lowest_ = 0;
  float highest_ = 0;
  // Values but zeros by the integer bits they need, from -64 (or fewer) to 64, then those that need
  // more.
  std::array<int64_t, kClasses> needs_ = {};
};

}  // namespace torpor
