#include "engine/truenorth/rate_code.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "engine/base/random.h"

namespace torpor {
namespace {

constexpr uint64_t kSeed = 5;

std::vector<uint8_t> AllBytes() {
  std::vector<uint8_t> bytes(256);
  std::iota(bytes.begin(), bytes.end(), 0);
  return bytes;
}

// Spikes of each pixel at each tick.
std::vector<std::vector<int>> Trains(const RateCode& code, const std::vector<uint8_t>& pixels,
                                     int ticks, uint64_t sample) {
  std::vector<std::vector<int>> trains(pixels.size());
  std::vector<uint64_t> words(static_cast<size_t>(WordsOf(static_cast<int>(pixels.size()))));
  for (int t = 0; t < ticks; ++t) {
    code.Spikes(pixels, sample, t, words.data(), 1);
    for (size_t i = 0; i < pixels.size(); ++i) {
      trains[i].push_back(static_cast<int>(words[i / 64] >> i % 64 & 1));
    }
    if (pixels.size() % 64 != 0) {
      EXPECT_EQ(words.back() >> pixels.size() % 64, 0u);
    }
  }
  return trains;
}

int Count(const std::vector<int>& train) { return std::accumulate(train.begin(), train.end(), 0); }

TEST(RateCodeTest, EvenSpreadsTheRoundedCount) {
  for (const int ticks : {1, 2, 3, 7, 16, 64, 255}) {
    const RateCode code(v1::RateCode::EVEN, ticks, kSeed);
    const auto trains = Trains(code, AllBytes(), ticks, 0);
    for (int p = 0; p < 256; ++p) {
      const std::vector<int>& train = trains[static_cast<size_t>(p)];
      const int k = static_cast<int>(std::floor(ticks * p / 255.0 + 0.5));
      ASSERT_EQ(Count(train), k) << p << " of " << ticks;
      // Evenly: no stretch has one spike more or less than its share.
      int before = 0;
      for (int t = 0; t < ticks; ++t) {
        before += train[static_cast<size_t>(t)];
        ASSERT_EQ(before, (t + 1) * k / ticks);
      }
    }
  }
}

TEST(RateCodeTest, OneTickIsAThreshold) {
  for (const v1::RateCode::Kind kind : {v1::RateCode::EVEN, v1::RateCode::THERMOMETER}) {
    const auto trains = Trains(RateCode(kind, 1, kSeed), AllBytes(), 1, 0);
    for (int p = 0; p < 256; ++p) EXPECT_EQ(trains[static_cast<size_t>(p)][0], p >= 128 ? 1 : 0);
  }
}

TEST(RateCodeTest, ThermometerIsOneBurst) {
  constexpr int kTicks = 10;
  const auto trains =
      Trains(RateCode(v1::RateCode::THERMOMETER, kTicks, kSeed), AllBytes(), kTicks, 0);
  for (int p = 0; p < 256; ++p) {
    for (int t = 0; t < kTicks; ++t) {
      const bool spike = 2 * kTicks * p > 255 * (2 * t + 1);
      EXPECT_EQ(trains[static_cast<size_t>(p)][static_cast<size_t>(t)], spike ? 1 : 0);
    }
  }
}

TEST(RateCodeTest, BernoulliHasTheRateAndItsOwnNumbers) {
  constexpr int kTicks = 4000;
  const std::vector<uint8_t> pixels = {0, 1, 64, 128, 200, 254, 255};
  const RateCode code(v1::RateCode::BERNOULLI, kTicks, kSeed);
  const auto trains = Trains(code, pixels, kTicks, 3);
  for (size_t i = 0; i < pixels.size(); ++i) {
    const double p = pixels[i] / 255.0;
    EXPECT_NEAR(Count(trains[i]), kTicks * p, 5 * std::sqrt(kTicks * p * (1 - p)) + 1e-9);
  }
  // The same numbers for the same sample, others for another one, another seed and another pixel of
  // the same intensity.
  EXPECT_EQ(Trains(code, pixels, 100, 3), Trains(code, pixels, 100, 3));
  EXPECT_NE(Trains(code, pixels, 100, 3), Trains(code, pixels, 100, 4));
  EXPECT_NE(Trains(code, pixels, 100, 3),
            Trains(RateCode(v1::RateCode::BERNOULLI, kTicks, kSeed + 1), pixels, 100, 3));
  const auto twins = Trains(code, {128, 128}, 100, 3);
  EXPECT_NE(twins[0], twins[1]);
  // A pixel's spikes do not depend on its neighbours' intensities.
  EXPECT_EQ(Trains(code, {0, 128}, 100, 3)[1], twins[1]);
}

TEST(RateCodeTest, EveryInstructionSetGivesTheSameSpikes) {
  RandomStream random(1, RandomPurpose::kTest);
  for (const int count : {1, 63, 64, 65, 784}) {
    std::vector<uint8_t> pixels(static_cast<size_t>(count));
    for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random.NextBelow(256));
    const auto expected =
        Trains(RateCode(v1::RateCode::EVEN, 16, kSeed, Instructions::kBase), pixels, 16, 0);
    for (const Instructions with : {Instructions::kAvx2, Instructions::kAvx512}) {
      if (with > BestInstructions()) continue;
      EXPECT_EQ(Trains(RateCode(v1::RateCode::EVEN, 16, kSeed, with), pixels, 16, 0), expected);
    }
  }
}

}  // namespace
}  // namespace torpor
