#include "engine/base/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "Random123/philox.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

// Known answers of the Random123 distribution (tests/kat_vectors, philox4x32 10 rounds).
TEST(Random, PhiloxGivesTheKnownAnswers) {
  using Generator = r123::Philox4x32;
  Generator philox;
  const auto zero = philox(Generator::ctr_type{{0, 0, 0, 0}}, Generator::key_type{{0, 0}});
  EXPECT_EQ(zero[0], 0x6627e8d5u);
  EXPECT_EQ(zero[1], 0xe169c58du);
  EXPECT_EQ(zero[2], 0xbc57ac4cu);
  EXPECT_EQ(zero[3], 0x9b00dbd8u);
  const auto pi = philox(Generator::ctr_type{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
                         Generator::key_type{{0xa4093822, 0x299f31d0}});
  EXPECT_EQ(pi[0], 0xd16cfe09u);
  EXPECT_EQ(pi[1], 0x94fdccebu);
  EXPECT_EQ(pi[2], 0x5001e420u);
  EXPECT_EQ(pi[3], 0x24126ea1u);
}

// A stream that changes breaks every stored result. Numbers from tests/golden/random_streams.py.
TEST(Random, StreamsNeverChange) {
  RandomStream stream(42, RandomPurpose::kTest, 3, 7, 11);
  std::vector<uint32_t> numbers;
  for (int i = 0; i < 6; ++i) numbers.push_back(stream.NextU32());
  EXPECT_EQ(numbers, (std::vector<uint32_t>{2583039480, 1993151724, 1911291979, 2231598561,
                                            1330826549, 2768781255}));
}

TEST(Random, EveryCoordinateMakesAStreamOfItsOwn) {
  std::set<uint64_t> firsts;
  int streams = 0;
  for (uint64_t seed : {0ull, 1ull, 1ull << 40}) {
    for (auto purpose : {RandomPurpose::kShuffle, RandomPurpose::kColumnNoise}) {
      for (uint32_t layer : {0u, 1u, 0xFFFFu}) {
        for (uint64_t sample : {0ull, 1ull, 1ull << 40}) {
          for (uint32_t step : {0u, 1u}) {
            firsts.insert(RandomStream(seed, purpose, layer, sample, step).NextU64());
            ++streams;
          }
        }
      }
    }
  }
  EXPECT_EQ(firsts.size(), static_cast<size_t>(streams));
}

TEST(Random, UniformsStayInRangeAndAverageOut) {
  RandomStream stream(1, RandomPurpose::kTest);
  constexpr int kCount = 200000;
  double sum = 0, square = 0;
  for (int i = 0; i < kCount; ++i) {
    const double x = i % 2 == 0 ? stream.NextDouble() : stream.NextFloat();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    sum += x;
    square += x * x;
  }
  // Five standard errors.
  EXPECT_NEAR(sum / kCount, 0.5, 5 * 0.289 / std::sqrt(kCount));
  EXPECT_NEAR(square / kCount, 1.0 / 3, 5 * 0.298 / std::sqrt(kCount));
}

TEST(Random, NextBelowReachesEveryValueEqually) {
  RandomStream stream(2, RandomPurpose::kTest);
  constexpr int kBound = 7, kCount = 70000;
  std::vector<int> counts(kBound);
  for (int i = 0; i < kCount; ++i) ++counts[stream.NextBelow(kBound)];
  for (const int count : counts)
    EXPECT_NEAR(count, kCount / kBound, 5 * std::sqrt(kCount / kBound));
  EXPECT_EQ(stream.NextBelow(1), 0u);
}

TEST(Random, FillNormalIsTheStreamsNormalsInFloat) {
  // Odd, and longer than one block of the vector code.
  std::vector<float> filled(1001);
  RandomStream(3, RandomPurpose::kTest).FillNormal(filled);
  RandomStream reference(3, RandomPurpose::kTest);
  for (const float x : filled) EXPECT_NEAR(x, reference.NextNormal(), 2e-6);
}

TEST(Random, NormalsHaveTheirMoments) {
  std::vector<float> x(200000);
  RandomStream(4, RandomPurpose::kTest).FillNormal(x);
  double sum = 0, square = 0, fourth = 0;
  for (const double v : x) {
    ASSERT_TRUE(std::isfinite(v));
    sum += v;
    square += v * v;
    fourth += v * v * v * v;
  }
  const double n = static_cast<double>(x.size());
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(square / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96 / n));
}

TEST(Random, PermutationsHoldEveryIndexOnceAndDependOnTheKey) {
  const std::vector<uint32_t> order = Permutation(5, RandomPurpose::kShuffle, 0, 1000);
  std::vector<uint32_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<uint32_t> identity(1000);
  std::iota(identity.begin(), identity.end(), 0u);
  EXPECT_EQ(sorted, identity);
  EXPECT_NE(order, identity);
  EXPECT_EQ(order, Permutation(5, RandomPurpose::kShuffle, 0, 1000));
  EXPECT_NE(order, Permutation(5, RandomPurpose::kShuffle, 1, 1000));
  EXPECT_NE(order, Permutation(6, RandomPurpose::kShuffle, 0, 1000));
  EXPECT_TRUE(Permutation(5, RandomPurpose::kShuffle, 0, 0).empty());
}

TEST(Random, FilledFloatsAreThoseOfSingleCalls) {
  for (size_t before : {0u, 1u, 4u, 7u}) {
    for (size_t n : {0u, 1u, 3u, 255u, 256u, 257u, 700u}) {
      RandomStream one(9, RandomPurpose::kTest, 1, 2, 3), other(9, RandomPurpose::kTest, 1, 2, 3);
      for (size_t i = 0; i < before; ++i) EXPECT_EQ(one.NextU32(), other.NextU32());
      std::vector<float> filled(n);
      one.FillFloats(filled);
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(filled[i], other.NextFloat()) << before << " " << i;
      EXPECT_EQ(one.NextU32(), other.NextU32());
    }
  }
}

TEST(Random, SeekingGoesToANumberOfTheStream) {
  RandomStream straight(9, RandomPurpose::kTest);
  std::vector<uint32_t> numbers(40);
  for (uint32_t& number : numbers) number = straight.NextU32();
  RandomStream stream(9, RandomPurpose::kTest);
  for (size_t n : {17u, 0u, 4u, 39u, 3u}) {
    stream.NextNormal();
    stream.Seek(n);
    EXPECT_EQ(stream.NextU32(), numbers[n]);
  }
  // Across the carry into the counter's upper word.
  stream.Seek((uint64_t{1} << 34) - 600);
  std::vector<float> filled(1200);
  stream.FillFloats(filled);
  stream.Seek((uint64_t{1} << 34) + 5);
  EXPECT_EQ(stream.NextFloat(), filled[605]);
  stream.Seek((uint64_t{1} << 34) - 5);
  EXPECT_EQ(stream.NextFloat(), filled[595]);
}

}  // namespace
}  // namespace torpor
