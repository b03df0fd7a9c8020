#include "engine/quantize/distortion.h"

#include <cmath>
#include <vector>

#include "engine/base/random.h"
#include "engine/quantize/quantise.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

TEST(DistortionTest, OfFourNumbersByHand) {
  const FixedPoint format = {1, 1, true};  // -2, -1.5, ..., 1.5
  const std::vector<float> original = {0.25f, -3, 1.75f, 2};
  std::vector<float> stored(4);
  Quantise(original, format, v1::Rounding::TRUNCATE, {}, stored);
  ASSERT_EQ(stored, (std::vector<float>{0, -2, 1.5f, 1.5f}));
  const Distortion d = MeasureDistortion(original, stored, format);
  EXPECT_EQ(d.count, 4);
  EXPECT_DOUBLE_EQ(d.max_abs_error, 1);
  EXPECT_DOUBLE_EQ(d.mean_abs_error, 0.5);
  EXPECT_DOUBLE_EQ(d.mean_error, 0);
  EXPECT_NEAR(d.signal_to_noise_db, 10 * std::log10(16.125 / 1.375), 1e-9);
  // 1.75 is rounded, -3 and 2 are cut.
  EXPECT_DOUBLE_EQ(d.share_saturated, 0.5);
}

TEST(DistortionTest, NothingChangedAndNothingThere) {
  const std::vector<float> values = {0.5f, 0};
  EXPECT_TRUE(std::isinf(MeasureDistortion(values, values, {0, 4, false}).signal_to_noise_db));
  const Distortion none = MeasureDistortion({}, {}, {0, 4, false});
  EXPECT_EQ(none.count, 0);
  EXPECT_EQ(none.mean_abs_error, 0);
  EXPECT_EQ(none.share_saturated, 0);
}

// Uniform numbers in steps of q: mean square error q^2 / 12, each bit more 6.02 dB; truncation is
// off by half a step in the mean.
TEST(DistortionTest, EachBitIsWorthSixDecibels) {
  RandomStream random(1, RandomPurpose::kTest);
  std::vector<float> values(100000), stored(values.size());
  random.FillFloats(values);
  for (int bits : {4, 8, 12}) {
    const FixedPoint format = {0, bits, false};
    Quantise(values, format, v1::Rounding::TRUNCATE, {}, stored);
    EXPECT_NEAR(MeasureDistortion(values, stored, format).mean_error, -format.step() / 2,
                0.01 * format.step());
    Quantise(values, format, v1::Rounding::STOCHASTIC, {}, stored);
    EXPECT_NEAR(MeasureDistortion(values, stored, format).mean_error, 0, 0.05 * format.step());
    Quantise(values, format, v1::Rounding::NEAREST, {}, stored);
    // Signal 1/3, noise q^2/12, and the last half step saturates.
    EXPECT_NEAR(MeasureDistortion(values, stored, format).signal_to_noise_db,
                10 * std::log10(4) + 20 * bits * std::log10(2), bits == 4 ? 1 : 0.1);
  }
}

}  // namespace
}  // namespace torpor
