#include "engine/lif/readout.h"

#include <gtest/gtest.h>

#include "random_lif.h"

namespace torpor {
namespace {

constexpr LifNeuron kNeuron = {0.7f, 0.9f};

TEST(LifReadOutTest, TheKernelIsTheMeanOfWhatOneSpikeBrings) {
  for (const LifOrder order : {LifOrder::kImmediate, LifOrder::kDelayed}) {
    for (const int steps : {1, 2, 3, 25}) {
      const std::vector<float> kernel = MeanKernel(kNeuron, order, steps);
      ASSERT_EQ(kernel.size(), static_cast<size_t>(steps));
      for (int t = 0; t < steps; ++t) {
        RunningMean mean;
        mean.Reset(1);
        float score = -1;
        for (int n = 0; n < steps; ++n) {
          const float drive = n == t ? 1.0f : 0.0f;
          mean.Step(kNeuron, order, {&drive, 1}, {&score, 1});
        }
        EXPECT_NEAR(kernel[static_cast<size_t>(t)], score, 1e-6) << steps << " steps, at " << t;
      }
    }
  }
}

TEST(LifReadOutTest, ByHand) {
  // Immediate, a spike at 1 of 3 steps: P = 0, 1, 0.9 + 0.7.
  EXPECT_FLOAT_EQ(MeanKernel(kNeuron, LifOrder::kImmediate, 3)[1], 2.6f / 3);
  // Delayed: it moves P first two steps later.
  EXPECT_EQ(MeanKernel(kNeuron, LifOrder::kDelayed, 3), (std::vector<float>{1.0f / 3, 0.0f, 0.0f}));
}

TEST(LifReadOutTest, TheRunningMeanIsThatOfTheReferenceAtEveryStep) {
  ReferenceNetwork<double> network;
  ReferenceLayer<double> layer;
  layer.inputs = 3;
  layer.units = 2;
  layer.connections = DenseConnections(3, 2);
  layer.weights = {1, 2, 3, -4, 0.5, 6};
  layer.alpha = 0.7f;
  layer.beta = 0.9f;
  layer.spikes = false;
  network.layers = {layer};
  const LifSpikes spikes = SomeLifSpikes(12, 3, 0.4, 1);
  const auto rows = Dense<double>(spikes, 3);
  for (const LifOrder order : {LifOrder::kImmediate, LifOrder::kDelayed}) {
    network.order = order;
    RunningMean mean;
    mean.Reset(2);
    for (size_t n = 0; n < 12; ++n) {
      float drive[2] = {};
      for (size_t j = 0; j < 3; ++j) {
        for (size_t i = 0; i < 2; ++i) {
          drive[i] += static_cast<float>(rows[n][j] * layer.weights[2 * j + i]);
        }
      }
      float score[2];
      mean.Step(kNeuron, order, drive, score);
      network.Forward({rows.begin(), rows.begin() + static_cast<int64_t>(n) + 1});
      for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(score[i], network.Scores()[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace torpor
