#include <cmath>
#include <vector>

#include "engine/data/catalogue.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;

constexpr int kSteps = 250, kInputs = 700, kUnits = 250;

class SyntheticPatternTest : public ::testing::Test {
 protected:
  SyntheticPatternTest() {
    data_.CopyBytes(0, inputs_);
    data_.CopyTarget(0, target_);
  }
  bool input(int step, int channel) const {
    return inputs_[static_cast<size_t>(step * kInputs + channel)] != 0;
  }
  bool target(int step, int unit) const {
    return target_[static_cast<size_t>(step * kUnits + unit)] != 0;
  }

  const Dataset data_ = SyntheticPattern(v1::Split::TRAIN);
  std::vector<uint8_t> inputs_ = std::vector<uint8_t>(size_t{kSteps} * kInputs);
  std::vector<uint8_t> target_ = std::vector<uint8_t>(size_t{kSteps} * kUnits);
};

TEST_F(SyntheticPatternTest, IsOneSampleTheSameInBothSplits) {
  EXPECT_EQ(data_.size(), 1);
  EXPECT_EQ(data_.label(0), 0);
  EXPECT_EQ(data_.classes(), kUnits);
  EXPECT_THAT(data_.sample_shape(), ElementsAre(kSteps, kInputs));
  EXPECT_THAT(data_.target_shape(), ElementsAre(kSteps, kUnits));
  const Dataset test = SyntheticPattern(v1::Split::TEST);
  std::vector<uint8_t> inputs(inputs_.size()), target(target_.size());
  test.CopyBytes(0, inputs);
  test.CopyTarget(0, target);
  EXPECT_EQ(inputs, inputs_);
  EXPECT_EQ(target, target_);
}

// The paper's generator: slower channels from the first to the last, 0.092 spikes a step on
// average.
TEST_F(SyntheticPatternTest, InputsHaveTheRatesOfTheirChannels) {
  int spikes = 0;
  std::vector<int> of_block(7);
  for (int step = 0; step < kSteps; ++step) {
    for (int channel = 0; channel < kInputs; ++channel) {
      if (!input(step, channel)) continue;
      ++spikes;
      ++of_block[static_cast<size_t>(channel / 100)];
    }
  }
  EXPECT_NEAR(spikes / (1.0 * kSteps * kInputs), 0.092, 0.002);
  for (size_t block = 0; block < 7; ++block) {
    // Means over the block's channels of 1 / interval, with intervals below a step merged, less
    // what waiting for the first spike takes (of a renewal process from 0: half a spike a channel,
    // but for the half that the intervals' variance gives back).
    double expected = 0;
    for (int channel = 0; channel < 100; ++channel) {
      const double interval = 1.25 + 0.25 * ((static_cast<int>(block) * 100 + channel) / 5);
      const double waiting = (1 - 1 / interval) / (2.0 * kSteps);
      expected += ((1 - std::exp(-interval)) / interval - waiting) / 100;
    }
    const double measured = of_block[block] / (100.0 * kSteps);
    EXPECT_NEAR(measured, expected, 0.05 * expected) << "block " << block;
  }
}

TEST_F(SyntheticPatternTest, TheTargetIsTheFaceAsDrawn) {
  int spikes = 0;
  for (const uint8_t spike : target_) spikes += spike;
  EXPECT_EQ(spikes, 2382);
  // The head: every direction from its centre meets the ring at 105, and nothing but the features
  // lies within.
  for (int degree = 0; degree < 360; ++degree) {
    const double angle = degree * M_PI / 180;
    const auto at = [&](double radius) {
      return target(static_cast<int>(std::lround(130 + radius * std::sin(angle))),
                    static_cast<int>(std::lround(125 + radius * std::cos(angle))));
    };
    EXPECT_TRUE(at(105)) << degree;
    EXPECT_FALSE(at(109)) << degree;
    EXPECT_FALSE(at(98)) << degree;
  }
  // The mouth is the lower part of a ring: later steps. Its ends are above 0.35 and below 2.8.
  EXPECT_TRUE(target(190, 125));
  EXPECT_FALSE(target(70, 125));
  for (const double angle : {0.4, 1.0, 2.0, 2.75}) {
    EXPECT_TRUE(target(static_cast<int>(std::lround(130 + 60 * std::sin(angle))),
                       static_cast<int>(std::lround(125 + 60 * std::cos(angle)))))
        << angle;
  }
  for (const double angle : {0.25, 2.9, -0.5}) {
    EXPECT_FALSE(target(static_cast<int>(std::lround(130 + 60 * std::sin(angle))),
                        static_cast<int>(std::lround(125 + 60 * std::cos(angle)))))
        << angle;
  }
  // Eyes and nose are circles with nothing in them.
  for (const auto& [step, unit, radius] :
       {std::tuple(100, 85, 10), std::tuple(100, 165, 10), std::tuple(140, 125, 7)}) {
    EXPECT_TRUE(target(step + radius, unit));
    EXPECT_TRUE(target(step - radius, unit));
    EXPECT_TRUE(target(step, unit + radius));
    EXPECT_FALSE(target(step, unit));
    EXPECT_FALSE(target(step + radius + 2, unit));
  }
}

// It is the same for everyone: results that name its digest can be compared.
TEST_F(SyntheticPatternTest, ItsDigestIsFixed) {
  const DatasetCatalogue catalogue({}, nullptr);
  const auto verified = catalogue.Verify("synthetic-pattern");
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->digest(), "8a73bb97543747249e5da3eff1eb7ec8b2ca1f72e6ebb95761163760e7216e2b");
  EXPECT_EQ(*catalogue.Digest("datasets/synthetic-pattern"), verified->digest());
  EXPECT_THAT(verified->dataset().sample_shape(), ElementsAre(kSteps, kInputs));
  EXPECT_THAT(verified->dataset().target_shape(), ElementsAre(kSteps, kUnits));
  EXPECT_EQ(verified->dataset().train_samples(), 1);
  EXPECT_EQ(verified->dataset().test_samples(), 1);
}

}  // namespace
}  // namespace torpor
