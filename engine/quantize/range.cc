#include "engine/quantize/range.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/base/status.h"

namespace torpor {
namespace {

// The smallest n with x in [-2^n, 2^n), from the exponent of a float that is not 0; -126 for all
// below 2^-126.
int NeededBits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const int exponent = static_cast<int>(bits >> 23 & 0xFF) - 127;
  // -2^n is in the range that ends at 2^n.
  const bool is_negative_power = bits >> 31 != 0 && (bits & 0x7FFFFF) == 0;
  return exponent + (is_negative_power ? 0 : 1);
}

}  // namespace

void RangeObserver::Observe(std::span<const float> values) {
  if (values.empty()) return;
  if (count_ == 0) lowest_ = highest_ = values[0];
  for (float x : values) {
    TORPOR_CHECK(!std::isnan(x));
    lowest_ = std::min(lowest_, x);
    highest_ = std::max(highest_, x);
    if (x == 0) continue;
    const int needed = std::clamp(NeededBits(x), -kMaxIntegerBits, kMaxIntegerBits + 1);
    ++needs_[static_cast<size_t>(needed + kMaxIntegerBits)];
  }
  count_ += static_cast<int64_t>(values.size());
}

void RangeObserver::Merge(const RangeObserver& other) {
  if (other.count_ == 0) return;
  lowest_ = count_ == 0 ? other.lowest_ : std::min(lowest_, other.lowest_);
  highest_ = count_ == 0 ? other.highest_ : std::max(highest_, other.highest_);
  count_ += other.count_;
  for (size_t i = 0; i < needs_.size(); ++i) needs_[i] += other.needs_[i];
}

int RangeObserver::IntegerBits(double outliers) const {
  TORPOR_CHECK(outliers >= 0 && outliers <= 1);
  if (lowest_ == 0 && highest_ == 0) return 0;
  const int64_t allowed = static_cast<int64_t>(outliers * static_cast<double>(count_));
  // Down from the widest for as long as what would saturate is allowed.
  int64_t outside = needs_[kClasses - 1];
  int bits = kMaxIntegerBits;
  while (bits > -kMaxIntegerBits) {
    outside += needs_[static_cast<size_t>(bits + kMaxIntegerBits)];
    if (outside > allowed) break;
    --bits;
  }
  return bits;
}

std::vector<double> RangeObserver::ToNumbers() const {
  std::vector<double> numbers = {static_cast<double>(count_), static_cast<double>(lowest_),
                                 static_cast<double>(highest_)};
  numbers.insert(numbers.end(), needs_.begin(), needs_.end());
  return numbers;
}

absl::StatusOr<RangeObserver> RangeObserver::FromNumbers(std::span<const double> numbers) {
  const auto is_count = [](double x) { return x >= 0 && x <= 0x1p53 && x == std::floor(x); };
  if (numbers.size() != static_cast<size_t>(kNumbers) || !is_count(numbers[0]) ||
      !(numbers[1] <= numbers[2]) || !std::ranges::all_of(numbers.subspan(3), is_count)) {
    return absl::InvalidArgumentError("these are not the counts of an observed range");
  }
  RangeObserver observer;
  observer.count_ = static_cast<int64_t>(numbers[0]);
  observer.lowest_ = static_cast<float>(numbers[1]);
  observer.highest_ = static_cast<float>(numbers[2]);
  int64_t counted = 0;
  for (size_t i = 0; i < observer.needs_.size(); ++i) {
    observer.needs_[i] = static_cast<int64_t>(numbers[i + 3]);
    counted += observer.needs_[i];
  }
  if (counted > observer.count_) {
    return absl::InvalidArgumentError("an observed range counts more numbers than it has seen");
  }
  return observer;
}

FixedPoint RangeObserver::Format(int bits, double outliers) const {
  TORPOR_CHECK(bits >= kMinBits && bits <= kMaxBits);
  const int integer_bits = IntegerBits(outliers);
  return {.integer_bits = integer_bits,
          .fraction_bits = bits - integer_bits - (is_signed() ? 1 : 0),
          .is_signed = is_signed()};
}

}  // namespace torpor
