// Codes of samples against values computed by hand from LifNetwork's words.
#include "engine/lif/encoders.h"

#include <cmath>
#include <vector>

#include "engine/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using Bytes = std::vector<uint8_t>;

// The step of the only spike, or -1.
int StepOf(uint8_t pixel, int steps, int threshold) {
  LatencyEncoder encoder(steps, threshold);
  LifSpikes spikes;
  encoder.Encode(Bytes{pixel}, spikes);
  EXPECT_EQ(spikes.steps(), steps);
  if (spikes.size() == 0) return -1;
  EXPECT_EQ(spikes.size(), 1);
  for (int n = 0; n < steps; ++n) {
    if (!spikes.At(n).empty()) return n;
  }
  return -2;
}

TEST(LatencyEncoder, GoldenSteps) {
  // 25 steps, threshold 50: (255 - p) 21 / 205.
  EXPECT_EQ(StepOf(255, 25, 50), 0);
  EXPECT_EQ(StepOf(246, 25, 50), 0);   // 0.92
  EXPECT_EQ(StepOf(245, 25, 50), 1);   // 1.02
  EXPECT_EQ(StepOf(153, 25, 50), 10);  // 10.45
  EXPECT_EQ(StepOf(51, 25, 50), 20);   // 20.90
  EXPECT_EQ(StepOf(50, 25, 50), -1);
  EXPECT_EQ(StepOf(0, 25, 50), -1);
  // 10 steps, threshold 0: (255 - p) 6 / 255; 170 is 2 exactly.
  EXPECT_EQ(StepOf(170, 10, 0), 2);
  EXPECT_EQ(StepOf(171, 10, 0), 1);
  EXPECT_EQ(StepOf(1, 10, 0), 5);
  EXPECT_EQ(StepOf(0, 10, 0), -1);
  EXPECT_EQ(StepOf(255, 10, 254), 0);
  EXPECT_EQ(StepOf(254, 10, 254), -1);
  // The longest: (255 - 1) 4092 / 255 = 4075.95.
  EXPECT_EQ(StepOf(1, 4096, 0), 4075);
  // Too short to tell them apart.
  for (int steps = 1; steps <= 5; ++steps) EXPECT_EQ(StepOf(1, steps, 0), 0) << steps;
}

TEST(LatencyEncoder, SortsInputsByStep) {
  LatencyEncoder encoder(10, 0);
  LifSpikes spikes;
  spikes.index = {9, 9, 9};
  // Steps 5, -, 0, 2, 0, 5.
  encoder.Encode(Bytes{1, 0, 255, 170, 250, 2}, spikes);
  EXPECT_THAT(spikes.index, ElementsAre(2, 4, 3, 0, 5));
  EXPECT_THAT(spikes.begin, ElementsAre(0, 2, 2, 3, 3, 3, 5, 5, 5, 5, 5));
  // The same encoder, a sample of another size, and none at all.
  encoder.Encode(Bytes{0, 255}, spikes);
  EXPECT_THAT(spikes.index, ElementsAre(1));
  EXPECT_EQ(spikes.steps(), 10);
  encoder.Encode(Bytes{0, 0}, spikes);
  EXPECT_EQ(spikes.size(), 0);
  EXPECT_EQ(spikes.steps(), 10);
}

TEST(LatencyEncoder, ReadsNumbersAsBytes) {
  LatencyEncoder encoder(10, 0);
  LifSpikes of_bytes, of_numbers;
  // round(255 x): 169.4 and 169.6; beyond the ends.
  encoder.Encode(Bytes{169, 170, 255, 0}, of_bytes);
  encoder.Encode(std::vector<float>{169.4f / 255, 169.6f / 255, 1.5f, -1}, of_numbers);
  EXPECT_EQ(of_numbers.index, of_bytes.index);
  EXPECT_EQ(of_numbers.begin, of_bytes.begin);
}

Bytes RandomImage(size_t n, uint64_t seed) {
  Bytes image(n);
  RandomStream random(seed, RandomPurpose::kTest);
  for (uint8_t& p : image) {
    p = static_cast<uint8_t>(random.NextBelow(3) == 0 ? random.NextBelow(256) : 0);
  }
  return image;
}

TEST(SpikeRateEncoder, IsItsDefinition) {
  const Bytes image = RandomImage(784, 1);
  SpikeRateEncoder encoder(7, 0.25, 42);
  LifSpikes spikes;
  encoder.Encode(RandomImage(900, 2), 3, spikes);
  encoder.Encode(image, 5, spikes);
  ASSERT_EQ(spikes.steps(), 7);
  for (uint32_t n = 0; n < 7; ++n) {
    RandomStream stream(42, RandomPurpose::kInputSpikes, 0, 5, n);
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < image.size(); ++i) {
      if (stream.NextFloat() < 0.25f * image[i] / 255) expected.push_back(i);
    }
    const auto step = spikes.At(static_cast<int>(n));
    EXPECT_EQ(std::vector<uint32_t>(step.begin(), step.end()), expected) << n;
  }
}

TEST(SpikeRateEncoder, AnInputDoesNotSeeTheOthers) {
  Bytes one(100), many(100, 200);
  one[57] = 200;
  SpikeRateEncoder encoder(200, 0.5, 9);
  LifSpikes of_one, of_many;
  encoder.Encode(one, 1, of_one);
  encoder.Encode(many, 1, of_many);
  int spikes = 0;
  for (int n = 0; n < 200; ++n) {
    const auto step = of_many.At(n);
    const bool there = std::find(step.begin(), step.end(), 57u) != step.end();
    EXPECT_EQ(of_one.At(n).size(), there ? 1u : 0u) << n;
    spikes += there;
  }
  // 200 of probability 0.392: five standard deviations.
  EXPECT_NEAR(spikes, 78.4, 35);
}

TEST(SpikeRateEncoder, RatesAreIntensities) {
  constexpr int kSteps = 4000;
  SpikeRateEncoder encoder(kSteps, 0.8, 3);
  LifSpikes spikes;
  const Bytes image = {0, 1, 64, 128, 255};
  encoder.Encode(image, 0, spikes);
  std::vector<int> counts(5);
  for (const uint32_t i : spikes.index) ++counts[i];
  for (size_t i = 0; i < 5; ++i) {
    const double p = 0.8 * image[i] / 255;
    EXPECT_NEAR(counts[i], kSteps * p, 5 * std::sqrt(kSteps * p * (1 - p))) << i;
  }
  SpikeRateEncoder certain(10, 1, 3);
  certain.Encode(Bytes{255}, 0, spikes);
  EXPECT_EQ(spikes.size(), 10);
}

TEST(SpikeRateEncoder, SamplesAndSeedsDiffer) {
  const Bytes image(50, 128);
  LifSpikes a, b, c, d;
  SpikeRateEncoder first(20, 1, 1), second(20, 1, 2);
  first.Encode(image, 0, a);
  first.Encode(image, 1, b);
  second.Encode(image, 0, c);
  first.Encode(std::vector<float>(50, 128 / 255.0f), 0, d);
  EXPECT_NE(a.index, b.index);
  EXPECT_NE(a.index, c.index);
  EXPECT_EQ(a.index, d.index);
}

TEST(SpikeRateEncoder, DarkSamplesHaveTheirSteps) {
  SpikeRateEncoder encoder(6, 1, 1);
  LifSpikes spikes;
  encoder.Encode(Bytes(10), 0, spikes);
  EXPECT_EQ(spikes.steps(), 6);
  EXPECT_EQ(spikes.size(), 0);
}

TEST(DirectCurrents, AreIntensities) {
  std::vector<float> currents(3);
  DirectCurrents(Bytes{0, 51, 255}, currents);
  EXPECT_THAT(currents, ElementsAre(0.0f, 0.2f, 1.0f));
  DirectCurrents(std::vector<float>{-0.5f, 0.123f, 2}, currents);
  EXPECT_THAT(currents, ElementsAre(0.0f, 0.123f, 1.0f));
}

TEST(RasterSpikes, WhereHalfOrMore) {
  LifSpikes spikes;
  RasterSpikes(3, Bytes{127, 128, 0, 0, 255, 200}, spikes);
  EXPECT_THAT(spikes.index, ElementsAre(1, 0, 1));
  EXPECT_THAT(spikes.begin, ElementsAre(0, 1, 1, 3));
  RasterSpikes(2, std::vector<float>{0.5f, 0.499f, 1, 0, 0.6f, -1}, spikes);
  EXPECT_THAT(spikes.index, ElementsAre(0, 2, 1));
  EXPECT_THAT(spikes.begin, ElementsAre(0, 2, 3));
}

}  // namespace
}  // namespace torpor
