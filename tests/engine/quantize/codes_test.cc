#include "engine/quantize/codes.h"

#include <cmath>
#include <limits>
#include <vector>

#include "engine/base/random.h"
#include "engine/quantize/quantise.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CodesTest, AreStepsInTheNarrowestIntegers) {
  auto codes = ToCodes(std::vector<float>{0, 0.25f, 1 - 0x1p-8f, -0.0f}, {0, 8, false});
  ASSERT_TRUE(codes.ok()) << codes.status();
  EXPECT_THAT(std::get<std::vector<uint8_t>>(*codes), ElementsAre(0, 64, 255, 0));
  codes = ToCodes(std::vector<float>{-256, 254, -2}, {8, -1, true});
  ASSERT_TRUE(codes.ok()) << codes.status();
  EXPECT_THAT(std::get<std::vector<int8_t>>(*codes), ElementsAre(-128, 127, -1));

  const auto type = [](FixedPoint format) { return ToCodes({}, format)->index(); };
  EXPECT_EQ(type({0, 8, false}), 0u);
  EXPECT_EQ(type({0, 7, true}), 1u);
  EXPECT_EQ(type({0, 9, false}), 2u);
  EXPECT_EQ(type({8, 0, true}), 3u);
  EXPECT_EQ(type({8, 24, false}), 4u);
  EXPECT_EQ(type({8, 8, true}), 5u);
}

TEST(CodesTest, ComeBackExactlyInEveryWidth) {
  RandomStream random(1, RandomPurpose::kTest);
  std::vector<float> values(300);
  for (int bits = 1; bits <= 32; ++bits) {
    for (bool is_signed : {false, true}) {
      for (int integer_bits : {-5, 0, 9}) {
        const FixedPoint format = {integer_bits, bits - integer_bits - is_signed, is_signed};
        random.FillNormal(values);
        for (float& x : values) x = std::ldexp(x, integer_bits - 1);
        Quantise(values, format, v1::Rounding::NEAREST, {}, values);
        values[0] = format.lowest();
        values[1] = format.highest();
        const auto codes = ToCodes(values, format);
        ASSERT_TRUE(codes.ok()) << codes.status();
        ASSERT_EQ(SizeOf(*codes), values.size());
        std::vector<float> back(values.size());
        const absl::Status status = FromCodes(*codes, format, back);
        ASSERT_TRUE(status.ok()) << status;
        ASSERT_EQ(back, values) << bits;
      }
    }
  }
}

TEST(CodesTest, NumbersThatTheFormatDoesNotHaveAreNamed) {
  const FixedPoint format = {0, 4, false};
  const auto wrong = [&](float x) { return ToCodes(std::vector<float>{0.5f, x, 7}, format); };
  EXPECT_EQ(wrong(0.3f).status().message(),
            "element 1 must be a multiple of 2^-4 in [0, 0.9375], got 0.3");
  EXPECT_THAT(wrong(1).status().message(), HasSubstr("element 1"));
  EXPECT_THAT(wrong(-0.0625f).status().message(), HasSubstr("element 1"));
  EXPECT_THAT(wrong(std::nanf("")).status().message(), HasSubstr("element 1"));
  EXPECT_THAT(wrong(std::numeric_limits<float>::infinity()).status().message(),
              HasSubstr("element 1"));
  EXPECT_THAT(wrong(0.25f).status().message(), HasSubstr("element 2"));
  // Too small for its number of steps to be a float.
  EXPECT_FALSE(ToCodes(std::vector<float>{1e-40f}, {40, -30, false}).ok());
}

TEST(CodesTest, CodesThatTheFormatDoesNotHaveAreRefused) {
  std::vector<float> values(2);
  // A number of 5 bits in a byte.
  const FixedPoint format = {0, 5, false};
  EXPECT_TRUE(FromCodes(std::vector<uint8_t>{31, 0}, format, values).ok());
  EXPECT_THAT(FromCodes(std::vector<uint8_t>{1, 32}, format, values).message(),
              HasSubstr("code 1 must stand for a multiple of 2^-5 in [0, 0.96875], got 32"));
  EXPECT_FALSE(FromCodes(std::vector<uint8_t>{1}, format, values).ok());
  EXPECT_FALSE(FromCodes(std::vector<int8_t>{1, 2}, format, values).ok());
  EXPECT_FALSE(FromCodes(std::vector<int8_t>{-17, 2}, {0, 4, true}, values).ok());
  // 2^24 + 1 has no float.
  EXPECT_FALSE(FromCodes(std::vector<uint32_t>{(1u << 24) + 1, 2}, {0, 32, false}, values).ok());
}

}  // namespace
}  // namespace torpor
