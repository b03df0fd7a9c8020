#include "engine/scaling/optimal_bias.h"

#include <cmath>
#include <string>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using A = v1::Activation;
using L = v1::Loss;

// Products with a label that shows in them, and noise: no output is separable, so optima are
// finite.
struct Data {
  Matrix products;
  std::vector<int32_t> labels;
};

Data NoisyData(int64_t samples, int outputs, double signal, uint64_t seed) {
  Data data;
  data.products.resize(samples, outputs);
  RandomStream random(seed, RandomPurpose::kTest);
  for (int64_t p = 0; p < samples; ++p) {
    data.labels.push_back(static_cast<int32_t>(random.NextBelow(static_cast<uint64_t>(outputs))));
    for (int i = 0; i < outputs; ++i) {
      const double mean = (i == data.labels.back() ? signal : 0) - 0.3 * i;
      data.products(p, i) = static_cast<float>(mean + random.NextNormal());
    }
  }
  return data;
}

double Value(A::Kind activation, double s) {
  if (activation == A::SIGMOID) return 1 / (1 + std::exp(-s));
  if (activation == A::TANH) return std::tanh(s);
  return activation == A::RELU ? std::max(s, 0.0) : s;
}

// Mean loss by the definitions alone.
double LossOf(L::Kind loss, A::Kind activation, const Data& data, const std::vector<double>& bias) {
  double total = 0;
  for (Eigen::Index p = 0; p < data.products.rows(); ++p) {
    const int32_t label = data.labels[static_cast<size_t>(p)];
    double exponentials = 0;
    for (Eigen::Index i = 0; i < data.products.cols(); ++i) {
      const double s = data.products(p, i) + bias[static_cast<size_t>(i)];
      const double x = Value(activation, s);
      const double t = i == label ? 1 : 0;
      exponentials += std::exp(s);
      if (loss == L::MSE) total += (x - t) * (x - t);
      if (loss == L::BCE) total -= std::log(i == label ? x : 1 - x);
      if (loss == L::CE && i == label) total -= s;
    }
    if (loss == L::CE) total += std::log(exponentials);
  }
  return total / static_cast<double>(data.products.rows());
}

OptimalBias Find(L::Kind loss, A::Kind activation, const Data& data,
                 const std::vector<float>& start, int threads = 1) {
  ThreadPool pool(threads);
  auto found = FindOptimalBias({.loss = loss,
                                .activation = activation,
                                .products = View(data.products),
                                .labels = data.labels,
                                .start = start},
                               &pool, Cancellation());
  EXPECT_TRUE(found.ok()) << found.status();
  return *std::move(found);
}

struct Case {
  L::Kind loss;
  A::Kind activation;
};
constexpr Case kCases[] = {{L::BCE, A::SIGMOID}, {L::MSE, A::SIGMOID}, {L::MSE, A::TANH},
                           {L::MSE, A::LINEAR},  {L::MSE, A::RELU},    {L::CE, A::SIGMOID}};

TEST(OptimalBiasTest, TheDifferenceQuotientIsZeroAndEveryNeighbourWorse) {
  const Data data = NoisyData(700, 4, 1.5, 1);
  for (const Case& c : kCases) {
    SCOPED_TRACE(L::Kind_Name(c.loss) + " " + A::Kind_Name(c.activation));
    const std::vector<float> start = {0.5f, -2, 3, 0};
    const OptimalBias found = Find(c.loss, c.activation, data, start);
    const std::vector<double> bias(found.bias.begin(), found.bias.end());
    const double loss = LossOf(c.loss, c.activation, data, bias);
    EXPECT_NEAR(found.loss, loss, 1e-9);
    EXPECT_NEAR(found.start_loss, LossOf(c.loss, c.activation, data, {start.begin(), start.end()}),
                1e-9);
    EXPECT_LT(found.loss, found.start_loss);
    for (size_t i = 0; i < bias.size(); ++i) {
      for (const double far : {1e-3, 0.1, 1.0}) {
        // Each sample bends a ReLU's curve down at one point: minima lie as close as samples.
        if (far < 0.1 && c.activation == A::RELU) continue;
        std::vector<double> up = bias, down = bias;
        up[i] += far;
        down[i] -= far;
        const double loss_up = LossOf(c.loss, c.activation, data, up);
        const double loss_down = LossOf(c.loss, c.activation, data, down);
        EXPECT_GT(loss_up, loss) << i << " + " << far;
        EXPECT_GT(loss_down, loss) << i << " - " << far;
        if (far == 1e-3) {
          EXPECT_NEAR((loss_up - loss_down) / (2 * far), 0, 2e-6) << i;
        }
      }
    }
  }
}

TEST(OptimalBiasTest, TheStartDoesNotMatterWhereTheLossIsConvex) {
  const Data data = NoisyData(400, 3, 2, 2);
  const OptimalBias a = Find(L::BCE, A::SIGMOID, data, {0, 0, 0});
  const OptimalBias b = Find(L::BCE, A::SIGMOID, data, {-30, 25, 8});
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(a.bias[i], b.bias[i], 1e-5);
}

// In the flat tail of a sigmoid a plain Newton step would run away: the slope is nearly zero there
// and the curve bends down.
TEST(OptimalBiasTest, ASquaredErrorBehindASigmoidIsLeftFromItsFlatTail) {
  const Data data = NoisyData(400, 3, 4, 3);
  const OptimalBias near = Find(L::MSE, A::SIGMOID, data, {-1, -1, -1});
  for (const float far : {-40.0f, 40.0f}) {
    const OptimalBias found = Find(L::MSE, A::SIGMOID, data, {far, far, far});
    EXPECT_NEAR(found.loss, near.loss, 1e-9) << far;
    EXPECT_GT(found.start_loss, found.loss + 0.5);
  }
}

// Two groups of samples far apart: the loss has a minimum near each, and the start lies at the
// worse.
TEST(OptimalBiasTest, TheLowerOfTwoMinimaIsFound) {
  Data data;
  data.products.resize(100, 2);
  for (int p = 0; p < 100; ++p) {
    // Output 0 wants to fire for the 60 samples of label 0 alone, which lie below those of label 1.
    data.labels.push_back(p < 60 ? 0 : 1);
    data.products(p, 0) = p < 60 ? -10.0f : 10.0f;
    data.products(p, 1) = 0;
  }
  // Firing for all misses 40, for none 60.
  const OptimalBias found = Find(L::MSE, A::SIGMOID, data, {-25, 0});
  EXPECT_NEAR(LossOf(L::MSE, A::SIGMOID, data, {found.bias[0], 1e9}) - 0.6, 0.4, 1e-3);
}

TEST(OptimalBiasTest, ACommonShiftUnderCrossEntropyStaysWhatItWas) {
  const Data data = NoisyData(500, 5, 1, 4);
  const std::vector<float> start = {1, 2, 3, 4, 5};
  const OptimalBias found = Find(L::CE, A::LINEAR, data, start);
  double mean = 0;
  for (const float c : found.bias) mean += c / 5;
  EXPECT_NEAR(mean, 3, 1e-6);
  const OptimalBias other = Find(L::CE, A::LINEAR, data, {0, 0, 0, 0, 0});
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(found.bias[i] - other.bias[i], 3, 1e-5);
}

TEST(OptimalBiasTest, AClassWithoutSamplesEndsFarInTheTailAndDisturbsNobody) {
  Data data = NoisyData(300, 3, 1, 5);
  for (int32_t& label : data.labels) label = label == 2 ? 1 : label;
  for (const L::Kind loss : {L::BCE, L::CE}) {
    const OptimalBias found = Find(loss, A::SIGMOID, data, {0, 0, 0});
    EXPECT_LT(found.bias[2], -10) << L::Kind_Name(loss);
    for (const float c : found.bias) EXPECT_TRUE(std::isfinite(c));
  }
}

TEST(OptimalBiasTest, TheBitsDoNotDependOnThreads) {
  const Data data = NoisyData(3000, 6, 1, 6);
  for (const Case& c : kCases) {
    const std::vector<float> start(6, 0.25f);
    const OptimalBias one = Find(c.loss, c.activation, data, start, 1);
    const OptimalBias three = Find(c.loss, c.activation, data, start, 3);
    EXPECT_EQ(one.bias, three.bias) << L::Kind_Name(c.loss);
    EXPECT_EQ(one.loss, three.loss);
  }
}

TEST(OptimalBiasTest, ACancellationEndsIt) {
  const Data data = NoisyData(100, 2, 1, 7);
  const std::vector<float> start = {0, 0};
  ThreadPool pool(1);
  Cancellation cancellation;
  cancellation.Cancel();
  for (const L::Kind loss : {L::BCE, L::CE}) {
    EXPECT_TRUE(absl::IsCancelled(FindOptimalBias({.loss = loss,
                                                   .activation = A::SIGMOID,
                                                   .products = View(data.products),
                                                   .labels = data.labels,
                                                   .start = start},
                                                  &pool, cancellation)
                                      .status()));
  }
}

}  // namespace
}  // namespace torpor
