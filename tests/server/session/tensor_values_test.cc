#include "server/session/tensor_values.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace torpor {
namespace {

// Both the loops by vectors and their rests, at every byte.
TEST(ReadFractionsTest, IsTheNearestFloatToEveryFraction) {
  for (const size_t count : {size_t{1}, size_t{15}, size_t{16}, size_t{300}}) {
    std::vector<uint8_t> bytes(count);
    for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(255 - i % 256);
    std::vector<float> values(count, -1);
    ReadFractions(bytes, values);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(values[i], static_cast<float>(bytes[i] / 255.0)) << int{bytes[i]};
    }
  }
}

TEST(FirstNotFiniteTest, FindsEveryKindAnywhere) {
  constexpr size_t kCount = 37;
  const std::vector<float> good(kCount, std::numeric_limits<float>::max());
  EXPECT_EQ(FirstNotFinite(good), -1);
  EXPECT_EQ(FirstNotFinite({}), -1);
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::signaling_NaN(),
        std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    for (size_t at = 0; at < kCount; ++at) {
      std::vector<float> values = good;
      values[at] = bad;
      values[kCount - 1] = bad;
      EXPECT_EQ(FirstNotFinite(values), static_cast<int64_t>(at));
    }
  }
}

}  // namespace
}  // namespace torpor
