#include "engine/quantize/quantise.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using R = v1::Rounding;

std::vector<float> Values(size_t n, float scale, uint64_t seed = 1) {
  RandomStream random(seed, RandomPurpose::kTest);
  std::vector<float> values(n);
  random.FillNormal(values);
  for (float& x : values) x *= scale;
  // What vector code is most likely to take otherwise.
  if (n > 4) {
    values[0] = -1e-12f;
    values[1] = -0.0f;
    values[2] = 1e30f;
    values[3] = -HUGE_VALF;
    values[4] = std::nextafter(0.5f, 0.0f);
  }
  return values;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), 4 * a.size()) == 0);
}

TEST(QuantiseTest, ArraysEqualTheirElementsOneByOne) {
  const RoundingKey key = {.seed = 7, .tensor = 3, .write = 1ull << 40};
  for (const FixedPoint& format : {FixedPoint{0, 8, false}, FixedPoint{8, -1, true},
                                   FixedPoint{3, 29, false}, FixedPoint{-2, 6, true}}) {
    for (size_t n : {0u, 1u, 17u, 1023u, 5000u}) {
      const std::vector<float> in = Values(n, 0.4f * std::ldexp(1.0f, format.integer_bits));
      for (R::Kind kind : {R::UNSPECIFIED, R::TRUNCATE, R::NEAREST, R::STOCHASTIC}) {
        std::vector<float> out(n), wanted(n);
        Quantise(in, format, kind, key, out);
        RandomStream noise(key.seed, RandomPurpose::kRounding, key.tensor, key.write);
        for (size_t i = 0; i < n; ++i) wanted[i] = Quantise(in[i], format, kind, noise.NextFloat());
        EXPECT_TRUE(SameBits(out, wanted)) << n << " " << kind;
        std::vector<float> in_place = in;
        Quantise(in_place, format, kind, key, in_place);
        EXPECT_TRUE(SameBits(in_place, wanted)) << n << " " << kind;
      }
    }
  }
}

TEST(QuantiseTest, ItDoesNotMatterHowAnArrayIsCut) {
  const FixedPoint format = {2, 4, true};
  const std::vector<float> in = Values(4001, 1.5f);
  std::vector<float> whole(in.size());
  Quantise(in, format, R::STOCHASTIC, {.seed = 1}, whole);
  for (size_t part : {1u, 7u, 256u, 1030u}) {
    std::vector<float> out(in.size());
    for (size_t at = 0; at < in.size(); at += part) {
      const size_t n = std::min(part, in.size() - at);
      Quantise(std::span(in).subspan(at, n), format, R::STOCHASTIC,
               {.seed = 1, .first_element = at}, std::span(out).subspan(at, n));
    }
    EXPECT_TRUE(SameBits(out, whole)) << part;
  }
}

TEST(QuantiseTest, EveryPartOfTheKeyMakesNoiseOfItsOwn) {
  const FixedPoint format = {0, 2, false};
  const std::vector<float> in(200, 0.375f);
  const auto with = [&](const RoundingKey& key) {
    std::vector<float> out(in.size());
    Quantise(in, format, R::STOCHASTIC, key, out);
    return out;
  };
  const std::vector<float> first = with({});
  EXPECT_TRUE(SameBits(first, with({})));
  EXPECT_FALSE(SameBits(first, with({.seed = 1})));
  EXPECT_FALSE(SameBits(first, with({.tensor = 1})));
  EXPECT_FALSE(SameBits(first, with({.write = 1})));
  EXPECT_FALSE(SameBits(first, with({.first_element = 1})));
}

TEST(QuantiseTest, StochasticArraysKeepTheirMean) {
  const FixedPoint format = {0, 4, false};
  const std::vector<float> in(100000, 0.27f);
  std::vector<float> out(in.size());
  Quantise(in, format, R::STOCHASTIC, {.seed = 5}, out);
  double sum = 0;
  for (float x : out) sum += x;
  // 0.27 is 4.32 steps.
  EXPECT_NEAR(sum / 100000, 0.27, 4 * 0.0625 * std::sqrt(0.32 * 0.68 / 100000));
}

}  // namespace
}  // namespace torpor
