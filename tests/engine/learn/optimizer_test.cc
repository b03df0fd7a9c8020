#include "engine/learn/optimizer.h"

#include <cmath>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "gtest/gtest.h"
#include "tests/support/golden.h"

namespace torpor {
namespace {

std::vector<float> Normals(size_t n, uint64_t seed) {
  std::vector<float> x(n);
  RandomStream(seed, RandomPurpose::kTest).FillNormal(x);
  return x;
}

// Algorithm 1 of Kingma and Ba in double, as it is written there.
TEST(Adam, EqualsTheAlgorithmAsPublished) {
  constexpr size_t kSize = 37;  // vectors and a rest
  constexpr double kRate = 1e-3;
  std::vector<float> w = Normals(kSize, 1), m(kSize), v(kSize);
  std::vector<double> rw(w.begin(), w.end()), rm(kSize), rv(kSize);
  for (int64_t t = 1; t <= 200; ++t) {
    const std::vector<float> g = Normals(kSize, 100 + static_cast<uint64_t>(t));
    AdamUpdate(AdamStep(kRate, t), g, w, m, v);
    for (size_t i = 0; i < kSize; ++i) {
      rm[i] = 0.9 * rm[i] + 0.1 * g[i];
      rv[i] = 0.999 * rv[i] + 0.001 * static_cast<double>(g[i]) * g[i];
      const double corrected_m = rm[i] / (1 - std::pow(0.9, t));
      const double corrected_v = rv[i] / (1 - std::pow(0.999, t));
      rw[i] -= kRate * corrected_m / (std::sqrt(corrected_v) + 1e-8);
    }
    for (size_t i = 0; i < kSize; ++i) ASSERT_NEAR(w[i], rw[i], 1e-5) << "step " << t;
  }
}

TEST(Adam, TheFirstStepHasTheLengthOfTheRate) {
  std::vector<float> w = {0, 0, 0}, m(3), v(3);
  AdamUpdate(AdamStep(0.01, 1), std::vector<float>{5, -1e-3f, 0}, w, m, v);
  EXPECT_NEAR(w[0], -0.01, 1e-6);
  EXPECT_NEAR(w[1], 0.01, 1e-6);
  EXPECT_EQ(w[2], 0);
}

// An independent program computed these: tests/golden/adamax.py.
TEST(Adamax, EqualsTheGoldenRun) {
  const nlohmann::json golden = testing::Golden("adamax.json");
  const auto& gradients = golden["gradients"];
  const double rate = golden["learning_rate"];
  const size_t size = gradients[0].size();
  std::vector<float> w(size, 1.0f), m(size), u(size);
  int compared = 0;
  for (size_t t = 1; t <= gradients.size(); ++t) {
    AdamaxUpdate(AdamStep(rate, static_cast<int64_t>(t)), testing::Flat(gradients[t - 1]), w, m, u);
    const std::string step = std::to_string(t);
    if (!golden["after"].contains(step)) continue;
    ++compared;
    for (size_t i = 0; i < size; ++i) {
      EXPECT_NEAR(w[i], golden["after"][step][i].get<double>(), 3e-6) << "step " << t << ", " << i;
    }
  }
  EXPECT_EQ(compared, 4);
}

TEST(Adamax, WeightsWithoutGradientStay) {
  std::vector<float> w = {1, 2}, m(2), u(2);
  for (int64_t t = 1; t <= 3; ++t) {
    AdamaxUpdate(AdamStep(0.01, t), std::vector<float>{0, -1e-3f}, w, m, u);
  }
  EXPECT_EQ(w[0], 1);
  // The largest gradient stands in the denominator: every step has the length of the rate.
  EXPECT_NEAR(w[1], 2.03, 1e-4);
}

// A trainer updates blocks in parallel: how parameters are cut into spans must not change a bit.
TEST(Optimizers, BlocksGiveTheBitsOfTheWhole) {
  constexpr size_t kSize = 1000;
  const std::vector<float> g = Normals(kSize, 1), start = Normals(kSize, 2);
  std::vector<float> w = start, m(kSize), v(kSize, 0.5f);
  std::vector<float> bw = w, bm = m, bv = v;
  const AdamStep step(1e-3, 3);
  AdamUpdate(step, g, w, m, v);
  std::vector<float> sw = start, sv(kSize, 0.25f), bsw = start, bsv = sv;
  SgdUpdate(0.1f, 0.9f, g, sw, sv);
  std::vector<float> xw = start, xm(kSize), xu(kSize, 0.5f), bxw = xw, bxm = xm, bxu = xu;
  AdamaxUpdate(step, g, xw, xm, xu);
  for (size_t begin = 0; begin < kSize; begin += 129) {
    const size_t n = std::min<size_t>(129, kSize - begin);
    const auto cut = [&](std::vector<float>& x) { return std::span(x).subspan(begin, n); };
    AdamUpdate(step, std::span(g).subspan(begin, n), cut(bw), cut(bm), cut(bv));
    SgdUpdate(0.1f, 0.9f, std::span(g).subspan(begin, n), cut(bsw), cut(bsv));
    AdamaxUpdate(step, std::span(g).subspan(begin, n), cut(bxw), cut(bxm), cut(bxu));
  }
  EXPECT_EQ(xw, bxw);
  EXPECT_EQ(xm, bxm);
  EXPECT_EQ(xu, bxu);
  EXPECT_EQ(w, bw);
  EXPECT_EQ(m, bm);
  EXPECT_EQ(v, bv);
  EXPECT_EQ(sw, bsw);
  EXPECT_EQ(sv, bsv);
}

TEST(Sgd, FollowsItsDefinition) {
  std::vector<float> w = {1, 2}, velocity = {0.5f, -1};
  SgdUpdate(0.1f, 0.9f, std::vector<float>{2, 4}, w, velocity);
  EXPECT_FLOAT_EQ(velocity[0], 0.9f * 0.5f + 2);
  EXPECT_FLOAT_EQ(velocity[1], 0.9f * -1 + 4);
  EXPECT_FLOAT_EQ(w[0], 1 - 0.1f * 2.45f);
  EXPECT_FLOAT_EQ(w[1], 2 - 0.1f * 3.1f);
}

TEST(Optimizers, BothFindTheMinimumOfABowl) {
  std::vector<float> a = {3, -2}, m(2), v(2), s = {3, -2}, velocity(2), g(2);
  for (int64_t t = 1; t <= 2000; ++t) {
    for (size_t i = 0; i < 2; ++i) g[i] = a[i] - 1;
    AdamUpdate(AdamStep(0.01, t), g, a, m, v);
    for (size_t i = 0; i < 2; ++i) g[i] = s[i] - 1;
    SgdUpdate(0.01f, 0.9f, g, s, velocity);
  }
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(a[i], 1, 1e-2);
    EXPECT_NEAR(s[i], 1, 1e-5);
  }
}

}  // namespace
}  // namespace torpor
