#include "engine/lif/batch_pass.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "network_cases.h"

namespace torpor {
namespace {

struct Result {
  std::vector<std::vector<float>> input, recurrent;
  double loss = 0;
  std::vector<LifGradients> Views() {
    std::vector<LifGradients> views;
    for (size_t l = 0; l < input.size(); ++l) views.push_back({input[l], recurrent[l]});
    return views;
  }
  friend bool operator==(const Result&, const Result&) = default;
};

// Filled with what must be overwritten.
Result Stale(const NetworkCase& c) {
  Result result;
  for (size_t l = 0; l < c.weights.size(); ++l) {
    result.input.emplace_back(c.weights[l].size(), 9.0f);
    result.recurrent.emplace_back(c.recurrent[l].size(), 9.0f);
  }
  return result;
}

std::vector<LifSpikes> SomeSamples(int count) {
  std::vector<LifSpikes> samples;
  for (int s = 0; s < count; ++s) {
    samples.push_back(SomeLifSpikes(19, 60, 0.1 + 0.02 * (s % 5), static_cast<uint64_t>(s)));
  }
  return samples;
}

double Learn(const NetworkCase& c, int64_t sample, LifNetworkPass& pass,
             std::span<const LifGradients> gradients) {
  std::vector<float> delta = SomeFloats(5, 1, static_cast<uint64_t>(sample));
  pass.Backward(c.Weights(), delta, gradients);
  double loss = 0;
  for (size_t i = 0; i < 5; ++i) loss += double{delta[i]} * double{pass.scores()[i]};
  return loss;
}

Result RunBatch(const NetworkCase& c, const std::vector<LifSpikes>& samples, LifBatchPass& batch) {
  Result result = Stale(c);
  std::vector<LifInput> inputs;
  for (const LifSpikes& spikes : samples) inputs.push_back({&spikes, {}});
  const std::vector<LifWeights> weights = c.Weights();
  const LifBatchPass::Sums sums = batch.Gradients(
      weights, inputs,
      [&](int64_t s, LifNetworkPass& pass, std::span<const LifGradients> gradients) {
        return Learn(c, s, pass, gradients);
      },
      result.Views());
  result.loss = sums.loss;
  float largest = 0;
  for (const LifGradients& layer : result.Views()) {
    for (const float g : layer.input) largest = std::max(largest, std::fabs(g));
    for (const float g : layer.recurrent) largest = std::max(largest, std::fabs(g));
  }
  EXPECT_EQ(sums.largest_gradient, largest);
  return result;
}

// To rounding of the largest.
void ExpectNear(const std::vector<float>& values, const std::vector<float>& expected) {
  float largest = 1e-3f;
  for (const float x : expected) largest = std::max(largest, std::fabs(x));
  for (size_t k = 0; k < values.size(); ++k) {
    ASSERT_NEAR(values[k], expected[k], 1e-5 * largest) << k;
  }
}

TEST(LifBatchPassTest, AnyNumberOfThreadsGivesTheSameBits) {
  for (const NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    // Now and then more than two blocks.
    const bool many = c.name == "recurrent, delayed, reset, spikes";
    const std::vector<LifSpikes> samples =
        SomeSamples(many ? 2 * LifBatchPass::kSamplesPerBlock + 5 : 13);
    Result first;
    for (const int threads : {1, 2, 3, 7}) {
      ThreadPool pool(threads);
      LifBatchPass batch(&c.plan, &pool);
      const Result result = RunBatch(c, samples, batch);
      if (threads == 1) first = result;
      EXPECT_TRUE(result == first) << threads << " threads";
      // Nothing stays behind.
      EXPECT_TRUE(RunBatch(c, samples, batch) == first);
    }
  }
}

// A block's thread that is slow is run ahead of, and that changes neither order nor bits.
TEST(LifBatchPassTest, RunsAheadOfASlowThread) {
  constexpr int64_t kHalf = LifBatchPass::kSamplesPerBlock;
  const NetworkCase c = NetworkCases().front();
  const std::vector<LifWeights> weights = c.Weights();
  const std::vector<LifSpikes> samples = SomeSamples(2 * kHalf);
  std::vector<LifInput> inputs;
  for (const LifSpikes& spikes : samples) inputs.push_back({&spikes, {}});
  ThreadPool one(1);
  LifBatchPass alone(&c.plan, &one);
  const Result expected = RunBatch(c, samples, alone);

  ThreadPool two(2);
  LifBatchPass batch(&c.plan, &two);
  size_t most = 0;
  // The other thread may be given no processor for long, so there are several tries.
  for (int attempt = 0; attempt < 50 && most <= 1; ++attempt) {
    Result result = Stale(c);
    std::vector<int64_t> second_half;
    std::set<const LifNetworkPass*> passes;
    std::atomic<int64_t> first_half = 0;
    result.loss =
        batch
            .Gradients(
                weights, inputs,
                [&](int64_t s, LifNetworkPass& pass, std::span<const LifGradients> gradients) {
                  if (s < kHalf) {
                    ++first_half;
                  } else {
                    // One thread at a time learns from a block.
                    second_half.push_back(s);
                    passes.insert(&pass);
                    if (s == kHalf) {
                      for (int wait = 0; wait < 100 && first_half < kHalf; ++wait) {
                        std::this_thread::sleep_for(std::chrono::milliseconds(1));
                      }
                      std::this_thread::sleep_for(std::chrono::milliseconds(5));
                    }
                  }
                  return Learn(c, s, pass, gradients);
                },
                result.Views())
            .loss;
    EXPECT_TRUE(result == expected);
    ASSERT_EQ(second_half.size(), static_cast<size_t>(kHalf));
    for (int64_t s = 0; s < kHalf; ++s) {
      EXPECT_EQ(second_half[static_cast<size_t>(s)], kHalf + s);
    }
    most = passes.size();
  }
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 1 + static_cast<size_t>(LifBatchPass::kMostAhead));
}

TEST(LifBatchPassTest, TellsTheLargestGradientAndWhatIsNone) {
  const NetworkCase c = NetworkCases().front();
  const std::vector<LifWeights> weights = c.Weights();
  ThreadPool pool(2);
  LifBatchPass batch(&c.plan, &pool);
  // In one block and in several.
  for (const int count : {1, 13}) {
    const std::vector<LifSpikes> samples = SomeSamples(count);
    std::vector<LifInput> inputs;
    for (const LifSpikes& spikes : samples) inputs.push_back({&spikes, {}});
    for (const float last : {-1e9f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
      Result result = Stale(c);
      const LifBatchPass::Sums sums = batch.Gradients(
          weights, inputs,
          [&](int64_t s, LifNetworkPass& pass, std::span<const LifGradients> gradients) {
            const double loss = Learn(c, s, pass, gradients);
            if (s + 1 == count) gradients.back().input.back() = last;
            return loss;
          },
          result.Views());
      if (last < 0) {
        EXPECT_NEAR(sums.largest_gradient, 1e9f, 1e3f);
      } else {
        EXPECT_FALSE(std::isfinite(sums.largest_gradient)) << last;
      }
    }
  }
}

TEST(LifBatchPassTest, GradientsAreTheSumsOverSamples) {
  for (const NetworkCase& c : NetworkCases()) {
    for (const int count : {0, 1, 2, 13, 150}) {
      if (count > 100 && c.plan.surrogate.reset_gradient) continue;
      SCOPED_TRACE(c.name + ", " + std::to_string(count) + " samples");
      const std::vector<LifSpikes> samples = SomeSamples(count);
      ThreadPool pool(2);
      LifBatchPass batch(&c.plan, &pool);
      Result used = RunBatch(c, SomeSamples(9), batch);
      const Result result = RunBatch(c, samples, batch);
      Result expected = Stale(c);
      for (const LifGradients& layer : expected.Views()) {
        std::fill(layer.input.begin(), layer.input.end(), 0.0f);
        std::fill(layer.recurrent.begin(), layer.recurrent.end(), 0.0f);
      }
      LifNetworkPass pass(&c.plan);
      const std::vector<LifWeights> weights = c.Weights();
      for (int s = 0; s < count; ++s) {
        pass.Forward(weights, {&samples[static_cast<size_t>(s)], {}});
        expected.loss += Learn(c, s, pass, expected.Views());
      }
      EXPECT_NEAR(result.loss, expected.loss, 1e-6);
      for (size_t l = 0; l < result.input.size(); ++l) {
        ExpectNear(result.input[l], expected.input[l]);
        ExpectNear(result.recurrent[l], expected.recurrent[l]);
      }
    }
  }
}

TEST(LifBatchPassTest, LargeSamplesHaveFewerBlocks) {
  NetworkCase c;
  AddDense(c, 60, 40, 0.3f);
  AddDense(c, 40, 20, 0.4f);
  ThreadPool pool(1);
  const auto blocks = [&](int64_t steps) {
    c.plan.steps = static_cast<int>(steps);
    return LifBatchPass(&c.plan, &pool).blocks();
  };
  // 160 values a step. Steps beyond what definitions may have, that nothing of it is allocated for.
  EXPECT_EQ(blocks(19), LifBatchPass::kMostBlocks);
  EXPECT_EQ(blocks(LifBatchPass::kMostValues / (8 * 160)), 8);
  EXPECT_EQ(blocks(LifBatchPass::kMostValues / (8 * 160) + 1), 7);
  EXPECT_EQ(blocks(LifBatchPass::kMostValues / 160), 1);
  EXPECT_EQ(blocks(2 * LifBatchPass::kMostValues / 160), 1);
}

TEST(LifBatchPassTest, ForwardSeesEverySampleOnce) {
  const NetworkCase c = NetworkCases()[1];
  const std::vector<LifSpikes> samples = SomeSamples(11);
  std::vector<LifInput> inputs;
  for (const LifSpikes& spikes : samples) inputs.push_back({&spikes, {}});
  ThreadPool pool(3);
  LifBatchPass batch(&c.plan, &pool);
  std::vector<std::vector<float>> scores(11);
  batch.Forward(c.Weights(), inputs, [&](int64_t s, const LifNetworkPass& pass) {
    std::vector<float>& of = scores[static_cast<size_t>(s)];
    of.insert(of.end(), pass.scores().begin(), pass.scores().end());
  });
  LifNetworkPass pass(&c.plan);
  for (size_t s = 0; s < 11; ++s) {
    pass.Forward(c.Weights(), inputs[s]);
    EXPECT_EQ(scores[s], std::vector<float>(pass.scores().begin(), pass.scores().end()));
  }
}

}  // namespace
}  // namespace torpor
