#include "engine/stdp/rate_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/random.h"
#include "engine/stdp/noise.h"
#include "random_network.h"

namespace torpor {
namespace {

constexpr uint64_t kSeed = 77;

SpikeTrain Encoded(const std::vector<uint8_t>& intensities, int steps, float chance,
                   uint64_t sample, Instructions with = BestInstructions()) {
  RateEncoder encoder(steps, chance, kSeed, with);
  SpikeTrain train;
  encoder.Encode(intensities, sample, train);
  return train;
}

// Most inputs dark, as in images.
std::vector<uint8_t> SomeImage(size_t inputs, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::kTest);
  std::vector<uint8_t> image(inputs);
  for (uint8_t& p : image) {
    p = random.NextBelow(4) == 0 ? static_cast<uint8_t>(random.NextBelow(256)) : uint8_t{0};
  }
  return image;
}

bool SpikesAt(const SpikeTrain& train, int step, uint32_t input) {
  const auto spikes = train.At(step);
  return std::find(spikes.begin(), spikes.end(), input) != spikes.end();
}

// One number by Random123 itself, at the place that the header names.
bool Expected(uint64_t sample, uint32_t input, int step, uint32_t chance_in_65536) {
  const NoiseKey key(kSeed, RandomPurpose::kInputSpikes, 0, sample);
  const auto block =
      r123::Philox4x32()({{input, static_cast<uint32_t>(step / 8), key.high[0], key.high[1]}},
                         {{key.key[0], key.key[1]}});
  const uint32_t word = block[static_cast<size_t>(step % 8 / 2)];
  return (step % 2 == 0 ? word & 0xFFFF : word >> 16) < chance_in_65536;
}

TEST(RateEncoderTest, DrawsEachSpikeFromItsOwnNumberWithEveryInstructionSet) {
  for (const size_t inputs : {1, 5, 8, 64, 65, 784}) {
    const std::vector<uint8_t> image = SomeImage(inputs, inputs);
    for (const Instructions with : InstructionSets()) {
      const SpikeTrain train = Encoded(image, 21, 0.5f, 3, with);
      ASSERT_EQ(train.steps(), 21);
      for (int t = 0; t < 21; ++t) {
        std::vector<uint32_t> expected;
        for (uint32_t i = 0; i < inputs; ++i) {
          const double chance = std::floor(image[i] / 255.0 * 0.5 * 65536 + 0.5);
          if (Expected(3, i, t, static_cast<uint32_t>(chance))) expected.push_back(i);
        }
        const auto spikes = train.At(t);
        ASSERT_EQ(std::vector<uint32_t>(spikes.begin(), spikes.end()), expected)
            << inputs << " inputs, step " << t << ", set " << static_cast<int>(with);
      }
    }
  }
}

TEST(RateEncoderTest, SpikesAtTheRateOfTheIntensity) {
  const std::vector<uint8_t> image = {0, 1, 32, 128, 255};
  constexpr int kSteps = 20000;
  const SpikeTrain train = Encoded(image, kSteps, 0.128f, 1);
  std::vector<double> spikes(image.size());
  for (const uint32_t i : train.inputs) ++spikes[i];
  EXPECT_EQ(spikes[0], 0);
  for (size_t i = 1; i < image.size(); ++i) {
    const double p = image[i] / 255.0 * 0.128;
    EXPECT_NEAR(spikes[i], kSteps * p, 5 * std::sqrt(kSteps * p * (1 - p))) << i;
  }
}

// Pairs of spikes at two steps, and of two inputs at one step: as often as chance has it.
TEST(RateEncoderTest, StepsAndInputsAreIndependent) {
  const std::vector<uint8_t> image(64, 255);
  constexpr int kSteps = 4000;
  const SpikeTrain train = Encoded(image, kSteps, 0.25f, 1);
  std::vector<std::vector<uint8_t>> on(kSteps, std::vector<uint8_t>(64));
  for (int t = 0; t < kSteps; ++t) {
    for (const uint32_t i : train.At(t)) on[static_cast<size_t>(t)][i] = 1;
  }
  const auto expect_chance = [](int64_t pairs, int64_t of) {
    const double p = 0.0625;
    EXPECT_NEAR(static_cast<double>(pairs), static_cast<double>(of) * p,
                5 * std::sqrt(static_cast<double>(of) * p * (1 - p)));
  };
  for (const size_t lag : {1, 2, 3, 4, 7, 8, 16}) {
    int64_t pairs = 0;
    for (size_t t = lag; t < kSteps; ++t) {
      for (size_t i = 0; i < 64; ++i) pairs += on[t][i] & on[t - lag][i];
    }
    SCOPED_TRACE(lag);
    expect_chance(pairs, int64_t{64} * static_cast<int64_t>(kSteps - lag));
    int64_t across = 0;
    for (size_t t = 0; t < kSteps; ++t) {
      for (size_t i = 0; i < 64; ++i) across += on[t][i] & on[t][(i + lag) % 64];
    }
    expect_chance(across, int64_t{64} * kSteps);
  }
}

TEST(RateEncoderTest, AnInputsSpikesDependOnNeitherOtherInputsNorOtherSamples) {
  std::vector<uint8_t> image = SomeImage(300, 1);
  image[200] = 180;
  RateEncoder encoder(50, 0.5f, kSeed);
  SpikeTrain alone, after, other;
  encoder.Encode(image, 9, alone);
  encoder.Encode(SomeImage(700, 2), 10, other);
  encoder.Encode(image, 9, after);
  EXPECT_EQ(alone.inputs, after.inputs);
  EXPECT_EQ(alone.begin, after.begin);
  encoder.Encode(image, 10, other);
  EXPECT_NE(alone.inputs, other.inputs);

  std::vector<uint8_t> dark(300);
  dark[200] = 180;
  encoder.Encode(dark, 9, other);
  for (int t = 0; t < 50; ++t) EXPECT_EQ(SpikesAt(other, t, 200), SpikesAt(alone, t, 200)) << t;
}

TEST(RateEncoderTest, SpikesAlwaysAtChanceOneAndNeverAtNone) {
  const std::vector<uint8_t> image(70, 255);
  EXPECT_EQ(Encoded(image, 40, 1.0f, 1).inputs.size(), 70u * 40);
  EXPECT_EQ(Encoded(image, 40, 0.0f, 1).inputs.size(), 0u);
  EXPECT_EQ(Encoded(std::vector<uint8_t>(70), 40, 1.0f, 1).begin, std::vector<size_t>(41, 0));
}

}  // namespace
}  // namespace torpor
