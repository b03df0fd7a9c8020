#include "engine/lif/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "engine/lif/spike_losses.h"
#include "random_lif.h"

namespace torpor {
namespace {

using Network = ReferenceNetwork<double>;
using Rows = Network::Rows;

constexpr int kSteps = 9;

ReferenceLayer<double> SomeLayer(int inputs, int units, uint64_t seed, bool recurrent = false) {
  ReferenceLayer<double> layer;
  layer.inputs = inputs;
  layer.units = units;
  layer.connections = DenseConnections(inputs, units);
  const std::vector<float> w = SomeFloats(static_cast<size_t>(inputs * units), 0.8f, seed);
  layer.weights.assign(w.begin(), w.end());
  if (recurrent) {
    const std::vector<float> v = SomeFloats(static_cast<size_t>(units * units), 0.5f, seed + 100);
    layer.recurrent.assign(v.begin(), v.end());
  }
  layer.alpha = 0.6;
  layer.beta = 0.8;
  layer.gamma = 0.75;
  layer.delta = 0.7;
  layer.threshold = 0.9;
  return layer;
}

// Of a network's outputs.
struct Loss {
  std::string name;
  std::function<double(const Network&)> value;
  // Gradients of weights.
  std::function<std::vector<Network::Gradient>(const Network&)> gradient;
};

Loss CrossEntropy(size_t label) {
  const auto shares = [](const Network& network) {
    std::vector<double> x = network.Scores();
    double sum = 0;
    for (double& s : x) sum += s = std::exp(s);
    for (double& s : x) s /= sum;
    return x;
  };
  return {"cross-entropy", [=](const Network& n) { return -std::log(shares(n)[label]); },
          [=](const Network& n) {
            std::vector<double> delta = shares(n);
            delta[label] -= 1;
            return n.BackwardFromScores(delta);
          }};
}

Loss Count(int32_t label) {
  const auto loss = [=](const Network& n, std::vector<double>& delta) {
    const std::vector<double> counts = n.Scores();
    delta.resize(counts.size());
    return SpikeCountLoss<double>(counts, kSteps, label, {0.7, 0.1}, 1.0, delta);
  };
  return {"spike count",
          [=](const Network& n) {
            std::vector<double> delta;
            return loss(n, delta);
          },
          [=](const Network& n) {
            std::vector<double> delta;
            loss(n, delta);
            return n.BackwardFromScores(delta);
          }};
}

Loss Distance(const Rows& target) {
  const auto loss = [=](const Network& n, std::vector<double>& rows) {
    const Rows& out = n.outputs.back();
    rows.clear();
    for (size_t k = 0; k < out.size(); ++k) {
      for (size_t i = 0; i < out[k].size(); ++i) rows.push_back(out[k][i] - target[k][i]);
    }
    const int units = static_cast<int>(out[0].size());
    return VanRossumLoss<double>({}, static_cast<int>(out.size()), units, 1.0, rows.data(), units);
  };
  return {"van Rossum",
          [=](const Network& n) {
            std::vector<double> rows;
            return loss(n, rows);
          },
          [=](const Network& n) {
            std::vector<double> rows;
            loss(n, rows);
            Rows errors = n.outputs.back();
            auto next = rows.begin();
            for (auto& row : errors) {
              for (double& error : row) error = *next++;
            }
            return n.Backward(errors);
          }};
}

void ExpectDifferenceQuotient(Network& network, const Rows& input, const Loss& loss,
                              std::vector<double>& weights, const std::vector<double>& gradient) {
  constexpr double kStep = 1e-5;
  ASSERT_EQ(weights.size(), gradient.size());
  double largest = 0;
  for (size_t k = 0; k < weights.size(); ++k) {
    const double kept = weights[k];
    weights[k] = kept + kStep;
    network.Forward(input);
    const double above = loss.value(network);
    weights[k] = kept - kStep;
    network.Forward(input);
    const double below = loss.value(network);
    weights[k] = kept;
    const double quotient = (above - below) / (2 * kStep);
    EXPECT_NEAR(gradient[k], quotient, 1e-6 * std::max(1.0, std::fabs(quotient))) << "weight " << k;
    largest = std::max(largest, std::fabs(quotient));
  }
  EXPECT_GT(largest, 1e-3);
}

void ExpectGradients(Network network, const Rows& input, const Loss& loss) {
  network.smooth = true;
  network.reset_gradient = true;
  network.slope = 2;
  for (const LifOrder order : {LifOrder::kImmediate, LifOrder::kDelayed}) {
    SCOPED_TRACE(loss.name + (order == LifOrder::kImmediate ? ", immediate" : ", delayed"));
    network.order = order;
    network.Forward(input);
    const std::vector<Network::Gradient> gradients = loss.gradient(network);
    for (size_t l = 0; l < network.layers.size(); ++l) {
      SCOPED_TRACE("layer " + std::to_string(l));
      ExpectDifferenceQuotient(network, input, loss, network.layers[l].weights,
                               gradients[l].weights);
      if (network.layers[l].recurrent.empty()) continue;
      SCOPED_TRACE("recurrent");
      ExpectDifferenceQuotient(network, input, loss, network.layers[l].recurrent,
                               gradients[l].recurrent);
    }
  }
}

Rows SomeInput() { return Dense<double>(SomeLifSpikes(kSteps, 6, 0.4, 1), 6); }

TEST(LifReferenceTest, DifferenceQuotientsOfADenseNetworkThatIntegrates) {
  Network network;
  network.layers = {SomeLayer(6, 5, 1), SomeLayer(5, 4, 2), SomeLayer(4, 3, 3)};
  network.layers.back().spikes = false;
  ExpectGradients(network, SomeInput(), CrossEntropy(1));
}

TEST(LifReferenceTest, DifferenceQuotientsOfADenseNetworkThatSpikes) {
  Network network;
  network.layers = {SomeLayer(6, 5, 1), SomeLayer(5, 3, 3)};
  const Rows target = Dense<double>(SomeLifSpikes(kSteps, 3, 0.3, 2), 3);
  for (const Loss& loss : {CrossEntropy(0), Count(2), Distance(target)}) {
    ExpectGradients(network, SomeInput(), loss);
  }
}

TEST(LifReferenceTest, DifferenceQuotientsOfARecurrentNetwork) {
  Network network;
  network.layers = {SomeLayer(6, 5, 1, true), SomeLayer(5, 4, 2, true), SomeLayer(4, 3, 3)};
  network.layers.back().spikes = false;
  ExpectGradients(network, SomeInput(), CrossEntropy(1));
  network.layers.back() = SomeLayer(4, 3, 3, true);
  ExpectGradients(network, SomeInput(),
                  Distance(Dense<double>(SomeLifSpikes(kSteps, 3, 0.3, 2), 3)));
}

TEST(LifReferenceTest, DifferenceQuotientsWithSharedAndScaledWeights) {
  // A convolution of 3 weights over a line of 6, on means of pairs of its places.
  Network network;
  ReferenceLayer<double> conv = SomeLayer(6, 4, 4);
  conv.connections.clear();
  for (uint32_t i = 0; i < 4; ++i) {
    for (uint32_t k = 0; k < 3; ++k) conv.connections.push_back({i + k, i, k});
  }
  conv.weights.resize(3);
  ReferenceLayer<double> above = SomeLayer(4, 3, 5);
  above.scale = 0.5;
  for (ReferenceConnection& c : above.connections) c.weight = c.input / 2 * 3 + c.unit;
  above.weights.resize(6);
  above.spikes = false;
  network.layers = {conv, above};
  ExpectGradients(network, SomeInput(), CrossEntropy(2));
}

// One spike through one weight of 1, by hand: alpha 1/2, beta 1/4.
TEST(LifReferenceTest, OrdersSeeASpikeInItsStepOrTwoStepsLater) {
  Network network;
  ReferenceLayer<double> layer = SomeLayer(1, 1, 1);
  layer.alpha = 0.5;
  layer.beta = 0.25;
  layer.threshold = 0.5;
  layer.delta = 2;
  layer.gamma = 0.5;
  layer.weights = {1};
  network.layers = {layer};
  const Rows input = {{0}, {1}, {0}, {0}, {0}};
  network.order = LifOrder::kImmediate;
  network.Forward(input);
  // P: 0, 1, 1/4 + 1/2, 3/16 + 1/4, 7/64 + 1/8; R: 1/2 after the spike of step 1, then halves.
  EXPECT_EQ(network.membranes[0],
            (Rows{{-0.5}, {0.5}, {0.75 - 1 - 0.5}, {0.4375 - 0.5 - 0.5}, {0.234375 - 0.25 - 0.5}}));
  EXPECT_EQ(network.outputs[0], (Rows{{0}, {1}, {0}, {0}, {0}}));
  network.order = LifOrder::kDelayed;
  network.Forward(input);
  // R: 1 after the spike of step 3.
  EXPECT_EQ(network.membranes[0], (Rows{{-0.5}, {-0.5}, {-0.5}, {0.5}, {0.75 - 2 - 0.5}}));
  EXPECT_EQ(network.outputs[0], (Rows{{0}, {0}, {0}, {1}, {0}}));
}

TEST(LifReferenceTest, ADetachedResetLeavesOneTermOut) {
  Network network;
  network.layers = {SomeLayer(6, 5, 1)};
  network.Forward(SomeInput());
  Rows errors(kSteps, std::vector<double>(5));
  // The gradient of the last step's spike alone, then the traces' way back, by the formula.
  errors.back()[0] = 1;
  for (const bool reset : {false, true}) {
    network.reset_gradient = reset;
    const auto gradient = network.Backward(errors)[0].weights;
    const double x = network.membranes[0].back()[0];
    double expected = 0;
    // IMMEDIATE: dX[T-1]/dh[n] = sum of beta^a alpha^b, a + b = T-1-n. With the reset's gradient
    // there is more.
    for (int n = 0; n < kSteps; ++n) {
      double response = 0;
      for (int a = 0; a <= kSteps - 1 - n; ++a) {
        response += std::pow(0.8, a) * std::pow(0.6, kSteps - 1 - n - a);
      }
      expected += Dense<double>(SomeLifSpikes(kSteps, 6, 0.4, 1), 6)[static_cast<size_t>(n)][0] *
                  response / std::pow(1 + 5 * std::fabs(x), 2);
    }
    if (reset) {
      EXPECT_GT(std::fabs(gradient[0] - expected), 1e-6);
    } else {
      EXPECT_NEAR(gradient[0], expected, 1e-12);
    }
  }
}

TEST(LifLossTest, VanRossumByHand) {
  // S - S* of one unit: 1, 0, -1; decay 1/2: f - f* = 1, 1/2, -3/4; sum of squares 29/16.
  double rows[] = {1, 0, -1};
  const double distance = VanRossumLoss<double>({0.5, 0.25}, 3, 1, 1.0, rows, 1);
  EXPECT_DOUBLE_EQ(distance, std::sqrt(4 * 29 / 16.0));
  const double factor = 4 / distance;
  EXPECT_DOUBLE_EQ(rows[2], factor * -0.75);
  EXPECT_DOUBLE_EQ(rows[1], factor * (0.5 - 0.375));
  EXPECT_DOUBLE_EQ(rows[0], factor * (1 + 0.25 - 0.1875));
}

TEST(LifLossTest, EqualSpikesHaveNoDistanceAndNoGradient) {
  double rows[] = {0, 0, 0, 0};
  EXPECT_EQ(VanRossumLoss<double>({}, 2, 2, 1.0, rows, 2), 0);
  for (const double x : rows) EXPECT_EQ(x, 0);
}

TEST(LifLossTest, ListsOfSpikesHaveTheDistanceOfTheirRows) {
  const LifSpikes spikes = SomeLifSpikes(20, 13, 0.2, 5);
  const LifSpikes target = SomeLifSpikes(20, 13, 0.2, 6);
  LifTile tile;
  tile.Resize(20, 13);
  const float distance = VanRossumLoss({}, spikes, target, 0.5f, tile.View());
  const Rows a = Dense<double>(spikes, 13);
  const Rows b = Dense<double>(target, 13);
  std::vector<double> rows;
  for (size_t n = 0; n < 20; ++n) {
    for (size_t i = 0; i < 13; ++i) rows.push_back(a[n][i] - b[n][i]);
  }
  EXPECT_NEAR(distance, VanRossumLoss<double>({}, 20, 13, 0.5, rows.data(), 13), 1e-4);
  for (int n = 0; n < 20; ++n) {
    for (int i = 0; i < 13; ++i) {
      EXPECT_NEAR(tile.View()(n, i), rows[static_cast<size_t>(13 * n + i)], 1e-5);
    }
  }
}

TEST(LifLossTest, SilenceHasTheDistanceOfNoSpikes) {
  for (const double decay : {0.75, 0.0}) {
    const VanRossum loss = {.decay = decay, .tau = 0.02};
    const LifSpikes target = SomeLifSpikes(40, 13, 0.1, 6);
    std::vector<double> rows;
    for (const auto& row : Dense<double>(target, 13)) {
      rows.insert(rows.end(), row.begin(), row.end());
    }
    const double distance = VanRossumLoss<double>(loss, 40, 13, 0, rows.data(), 13);
    EXPECT_NEAR(SilentDistanceSquared(loss, target, 13) / (distance * distance), 1, 1e-12);
  }
  EXPECT_EQ(SilentDistanceSquared({}, SomeLifSpikes(5, 3, 0, 1), 3), 0);
}

}  // namespace
}  // namespace torpor
