#include "engine/lif/integer_errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "engine/lif/wage.h"
#include "network_cases.h"

namespace torpor {
namespace {

constexpr int kBits = 4;
constexpr LifIntegers kNearest = {
    .gradient_bits = 8, .error_bits = kBits, .rounding = v1::Rounding::NEAREST};

// What a layer's errors of each sample were, before they were rounded and after.
struct Rounded {
  Matrix before, after;
};
using Errors = std::map<std::pair<size_t, int64_t>, Rounded>;

class IntegerErrorsTest : public ::testing::Test {
 protected:
  // Samples 0..count-1 with gradients of the scores that are ten times smaller each.
  Errors Run(const NetworkCase& c, size_t count, int threads, LifIntegers integers = kNearest) {
    std::vector<LifSpikes> spikes;
    for (size_t s = 0; s < count; ++s) spikes.push_back(SomeLifSpikes(c.plan.steps, 60, 0.15, s));
    std::vector<LifInput> inputs;
    for (const LifSpikes& of_one : spikes) inputs.push_back({&of_one, {}});
    ThreadPool pool(threads);
    LifBatchPass pass(&c.plan, &pool);
    LifIntegerErrors errors(&c.plan, integers, 7);
    const auto weights = c.Weights();
    const auto back = [&](int64_t sample, LifNetworkPass& of_one,
                          const LifNetworkPass::ErrorHook& hook) {
      std::vector<float> delta = SomeFloats(5, 1, static_cast<uint64_t>(sample));
      for (float& x : delta) x *= std::pow(0.1f, static_cast<float>(sample));
      of_one.Backward(weights, delta, {}, hook);
    };
    errors.Measure(weights, inputs, 3, pass, back);
    Errors all;
    std::mutex mutex;
    pass.Forward(weights, inputs, [&](int64_t sample, LifNetworkPass& of_one) {
      const LifNetworkPass::ErrorHook rounding = errors.Rounding(sample);
      back(sample, of_one, [&](size_t layer, MatrixView of_layer) {
        Rounded rounded = {.before = of_layer, .after = {}};
        EXPECT_TRUE(rounding(layer, of_layer));
        rounded.after = of_layer;
        const std::lock_guard lock(mutex);
        all[{layer, sample}] = rounded;
        return true;
      });
    });
    return all;
  }
};

float Largest(const Matrix& of) { return of.cwiseAbs().maxCoeff(); }

TEST_F(IntegerErrorsTest, AreOnTheScaleOfTheWholeBatch) {
  for (NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const Errors all = Run(c, 3, 1);
    for (size_t l = 0; l < c.plan.layers.size(); ++l) {
      if (c.plan.layers[l].synapses == nullptr) continue;
      float largest = 0;
      for (int64_t s = 0; s < 3; ++s) largest = std::max(largest, Largest(all.at({l, s}).before));
      const float shift = WageShift(largest);
      for (int64_t s = 0; s < 3; ++s) {
        const auto& [before, after] = all.at({l, s});
        for (Eigen::Index n = 0; n < before.rows(); ++n) {
          for (Eigen::Index i = 0; i < before.cols(); ++i) {
            const float clipped =
                std::clamp(before(n, i) / shift, -WageHighest(kBits), WageHighest(kBits));
            ASSERT_NEAR(after(n, i), clipped, WageStep(kBits) / 2 + 1e-6) << l << " " << s;
            ASSERT_EQ(after(n, i) * 8, std::round(after(n, i) * 8));
          }
        }
      }
    }
    // A hundredth of a batch's largest is nothing in four bits.
    EXPECT_GT(Largest(all.at({c.plan.layers.size() - 1, 0}).after), 0);
    EXPECT_EQ(Largest(all.at({c.plan.layers.size() - 1, 2}).after), 0);
  }
}

TEST_F(IntegerErrorsTest, ThreadsChangeNothing) {
  NetworkCase c = std::move(NetworkCases()[2]);
  const LifIntegers stochastic = {.error_bits = kBits, .rounding = v1::Rounding::STOCHASTIC};
  const Errors one = Run(c, 20, 1, stochastic);
  const Errors four = Run(c, 20, 4, stochastic);
  ASSERT_EQ(one.size(), four.size());
  for (const auto& [key, rounded] : one) EXPECT_EQ(rounded.after, four.at(key).after);
}

}  // namespace
}  // namespace torpor
