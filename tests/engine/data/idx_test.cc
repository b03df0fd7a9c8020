#include "engine/data/idx.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/idx_dataset.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Idx, WholeFilesAreRead) {
  const std::string bytes = IdxBytes({2, 1, 3}, "abcdef");
  TORPOR_ASSERT_OK_AND_ASSIGN(const IdxArray idx, ParseIdx(bytes, 3));
  EXPECT_THAT(idx.dimensions, ElementsAre(2, 1, 3));
  EXPECT_EQ(idx.values, "abcdef");
}

TEST(Idx, HeadersAreReadWithoutTheirValues) {
  const std::string bytes = IdxBytes({60000, 28, 28}, "");
  TORPOR_ASSERT_OK_AND_ASSIGN(const IdxHeader header, ParseIdxHeader(bytes, 3));
  EXPECT_EQ(header.values, 60000 * 784);
  EXPECT_EQ(header.offset, 16u);
}

TEST(Idx, EveryTruncationIsRefused) {
  const std::string bytes = IdxBytes({2, 2}, "abcd");
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THAT(ParseIdx(bytes.substr(0, length), 2), StatusIs(absl::StatusCode::kDataLoss))
        << length;
  }
  TORPOR_EXPECT_OK(ParseIdx(bytes, 2));
}

TEST(Idx, ErrorsSayWhatWasExpectedAndFound) {
  EXPECT_THAT(ParseIdx(IdxBytes({2}, "ab"), 3),
              StatusIs(absl::StatusCode::kDataLoss,
                       "IDX magic number must be 0x00000803 (unsigned bytes, 3 dimensions), found "
                       "0x00000801"));
  EXPECT_THAT(ParseIdx(IdxBytes({3}, "ab"), 1),
              StatusIs(absl::StatusCode::kDataLoss,
                       "IDX header names 3 bytes of values, found 2 (cut off)"));
  EXPECT_THAT(ParseIdx(IdxBytes({1}, "ab"), 1),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("trailing")));
  EXPECT_THAT(ParseIdx(IdxBytes({0}, ""), 1),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("dimension 0 is 0")));
}

TEST(Idx, SizesThatOverflowAreRefusedBeforeAnyAllocation) {
  for (const uint32_t n : {65536u, 0x80000000u, 0xFFFFFFFFu}) {
    EXPECT_THAT(ParseIdxHeader(IdxBytes({n, n, n}, ""), 3),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("more than")));
  }
  // 2^32 itself is the bound.
  TORPOR_EXPECT_OK(ParseIdxHeader(IdxBytes({65536, 65536}, ""), 2));
  EXPECT_FALSE(ParseIdxHeader(IdxBytes({65536, 65537}, ""), 2).ok());
}

TEST(Idx, OtherElementTypesAreRefused) {
  std::string floats = IdxBytes({1}, "abcd");
  floats[2] = 0x0D;
  EXPECT_THAT(ParseIdx(floats, 1), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("0x00000d01")));
}

}  // namespace
}  // namespace torpor
