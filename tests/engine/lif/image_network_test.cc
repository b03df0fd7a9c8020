// Networks of convolutions and pools: the reference's gradients against difference quotients, and
// the event-driven pass against the reference.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/lif/conv_synapses.h"
#include "engine/lif/network_pass.h"
#include "engine/lif/pooling.h"
#include "engine/lif/reference.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

constexpr int kSteps = 12;
using Network = ReferenceNetwork<double>;
using Rows = Network::Rows;

// Unit (row, column, channel) of an image of so many columns and channels.
uint32_t At(int row, int column, int channel, int columns, int channels) {
  return static_cast<uint32_t>((row * columns + column) * channels + channel);
}

// Connections of a convolution from its definition, in the family's order.
std::vector<ReferenceConnection> ConvConnections(const LifConvShape& s) {
  std::vector<ReferenceConnection> all;
  for (int y = 0; y < s.output_height(); ++y) {
    for (int x = 0; x < s.output_width(); ++x) {
      for (int i = 0; i < s.kernel_height; ++i) {
        for (int j = 0; j < s.kernel_width; ++j) {
          const int row = y * s.stride_height - s.padding_height + i;
          const int column = x * s.stride_width - s.padding_width + j;
          if (row < 0 || row >= s.input_height || column < 0 || column >= s.input_width) continue;
          for (int c = 0; c < s.input_channels; ++c) {
            for (int o = 0; o < s.channels; ++o) {
              const int weight = ((c * s.kernel_height + i) * s.kernel_width + j) * s.channels + o;
              all.push_back({At(row, column, c, s.input_width, s.input_channels),
                             At(y, x, o, s.output_width(), s.channels),
                             static_cast<uint32_t>(weight)});
            }
          }
        }
      }
    }
  }
  return all;
}

// What stands on a pool, connected to what lies below it.
std::vector<ReferenceConnection> ThroughPool(const LifPoolShape& s, const LifImage& pooled,
                                             const std::vector<ReferenceConnection>& above) {
  std::vector<ReferenceConnection> all;
  for (const ReferenceConnection& connection : above) {
    const int channels = s.below.channels;
    const int place = static_cast<int>(connection.input) / channels;
    for (int i = 0; i < s.kernel_height; ++i) {
      for (int j = 0; j < s.kernel_width; ++j) {
        const int row = place / pooled.width * s.stride_height + i;
        const int column = place % pooled.width * s.stride_width + j;
        all.push_back({At(row, column, static_cast<int>(connection.input) % channels, s.below.width,
                          channels),
                       connection.unit, connection.weight});
      }
    }
  }
  return all;
}

// One network twice. Convolutions, pools and dense layers are added from input to output.
struct ImageNetwork {
  explicit ImageNetwork(const LifImage& image) : top(image), bottom(image) { plan.steps = kSteps; }

  void Pool(int kernel, int stride) {
    const LifPoolShape shape = {top, kernel, kernel, stride, stride};
    LifLayerPlan layer;
    layer.pool = std::make_shared<LifPooling>(shape);
    plan.layers.push_back(layer);
    weights.emplace_back();
    top = layer.pool->pooled();
    pools.emplace_back(shape, top);
  }

  void Conv(int channels, int kernel, int stride, int padding) {
    const LifConvShape shape = {top.channels, top.height, top.width, channels, kernel,
                                kernel,       stride,     stride,    padding,  padding};
    Add(std::make_shared<ConvSynapses>(shape), ConvConnections(shape), shape.window());
    top = bottom = {channels, shape.output_height(), shape.output_width()};
  }

  void Dense(int units) {
    Add(std::make_shared<DenseSynapses>(top.units(), units), DenseConnections(top.units(), units),
        top.units());
    top = bottom = {units, 1, 1};
  }

  void Add(std::shared_ptr<const LifSynapses> synapses,
           std::vector<ReferenceConnection> connections, int fan_in) {
    ReferenceLayer<double> layer;
    layer.inputs = bottom.units();
    layer.units = synapses->outputs();
    for (size_t p = pools.size(); p-- > 0;) {
      const auto& [shape, pooled] = pools[p];
      connections = ThroughPool(shape, pooled, connections);
      layer.scale /= shape.kernel_height * shape.kernel_width;
    }
    pools.clear();
    layer.connections = std::move(connections);
    RandomStream random(21, RandomPurpose::kTest, 0, plan.layers.size());
    std::vector<float> w(static_cast<size_t>(synapses->weights()));
    for (float& x : w) x = (2 * random.NextFloat() - 0.7f) * std::sqrt(6.0f / fan_in);
    layer.weights.assign(w.begin(), w.end());
    layer.threshold = 0.6;
    reference.layers.push_back(layer);
    LifLayerPlan planned;
    planned.synapses = std::move(synapses);
    planned.neuron.threshold = 0.6f;
    plan.layers.push_back(planned);
    weights.push_back(w);
  }

  void Settle(LifOrder order, bool integrates) {
    plan.order = reference.order = order;
    plan.integrates = integrates;
    reference.layers.back().spikes = !integrates;
    plan.surrogate = {.slope = 2, .reset_gradient = true};
    reference.slope = 2;
    reference.reset_gradient = true;
  }

  LifPlan plan;
  std::vector<std::vector<float>> weights;
  Network reference;
  // What the next layer sees, and what lies below the pools it sees it through.
  LifImage top, bottom;
  std::vector<std::pair<LifPoolShape, LifImage>> pools;
};

struct Case {
  std::string name;
  ImageNetwork network;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  ImageNetwork usual({1, 8, 8});
  usual.Conv(4, 3, 1, 0);
  usual.Pool(2, 2);
  usual.Conv(5, 2, 1, 1);
  usual.Pool(2, 2);
  usual.Dense(3);
  cases.push_back({"usual", usual});
  // Strides, padding, no pool; windows that overlap and rests that are left out; a pool first and
  // two in a row.
  ImageNetwork strides({2, 7, 6});
  strides.Conv(3, 3, 2, 1);
  strides.Conv(4, 2, 1, 1);
  strides.Dense(4);
  cases.push_back({"strides", strides});
  ImageNetwork pools({2, 9, 9});
  pools.Pool(2, 1);
  pools.Conv(3, 3, 1, 1);
  pools.Pool(3, 2);
  pools.Pool(2, 1);
  pools.Dense(6);
  pools.Dense(3);
  cases.push_back({"pools", pools});
  return cases;
}

LifSpikes RandomSpikes(int units, double chance) {
  RandomStream random(22, RandomPurpose::kTest);
  LifSpikes spikes;
  for (int n = 0; n < kSteps; ++n) {
    for (uint32_t j = 0; j < static_cast<uint32_t>(units); ++j) {
      if (random.NextDouble() < chance) spikes.index.push_back(j);
    }
    spikes.EndStep();
  }
  return spikes;
}

Rows RowsOf(const LifSpikes& spikes, int units) {
  Rows rows;
  for (int n = 0; n < spikes.steps(); ++n) {
    rows.emplace_back(static_cast<size_t>(units));
    for (const uint32_t j : spikes.At(n)) rows.back()[j] += 1;
  }
  return rows;
}

// The gradient by the scores of a loss that is not linear in them.
double Loss(const std::vector<double>& scores, std::vector<double>* errors) {
  double sum = 0;
  errors->clear();
  for (size_t i = 0; i < scores.size(); ++i) {
    const double off = scores[i] - 0.3 * static_cast<double>(i);
    sum += off * off;
    errors->push_back(2 * off);
  }
  return sum;
}

class ImageNetworkTest : public ::testing::TestWithParam<std::tuple<int, LifOrder, bool>> {
 protected:
  ImageNetworkTest() : case_(Cases()[static_cast<size_t>(std::get<0>(GetParam()))]) {
    case_.network.Settle(std::get<1>(GetParam()), std::get<2>(GetParam()));
  }
  int inputs() const { return case_.network.reference.layers[0].inputs; }
  Case case_;
};

TEST_P(ImageNetworkTest, ReferenceGradientsEqualDifferenceQuotients) {
  Network& network = case_.network.reference;
  network.smooth = true;
  const Rows input = RowsOf(RandomSpikes(inputs(), 0.3), inputs());
  std::vector<double> errors, unused;
  auto value = [&] {
    network.Forward(input);
    return Loss(network.Scores(), &unused);
  };
  network.Forward(input);
  Loss(network.Scores(), &errors);
  const auto gradients = network.BackwardFromScores(errors);
  for (size_t l = 0; l < network.layers.size(); ++l) {
    std::vector<double>& w = network.layers[l].weights;
    double largest = 0;
    for (size_t i = 0; i < w.size(); i += 1 + w.size() / 20) {
      constexpr double kStep = 1e-5;
      const double kept = w[i];
      w[i] = kept + kStep;
      const double up = value();
      w[i] = kept - kStep;
      const double down = value();
      w[i] = kept;
      const double quotient = (up - down) / (2 * kStep);
      EXPECT_NEAR(gradients[l].weights[i], quotient, 1e-6 * std::max(1.0, std::abs(quotient)))
          << case_.name << " layer " << l << " weight " << i;
      largest = std::max(largest, std::abs(quotient));
    }
    EXPECT_GT(largest, 1e-3) << case_.name << " layer " << l;
  }
}

void ExpectPassEqualsReference(const ImageNetwork& network, const LifInput& input,
                               const Rows& rows) {
  Network reference = network.reference;
  LifNetworkPass pass(&network.plan);
  std::vector<LifWeights> weights(network.weights.size());
  std::vector<LifGradients> gradients(weights.size());
  std::vector<std::vector<float>> sums;
  for (const auto& w : network.weights) sums.emplace_back(w.size());
  for (size_t l = 0; l < weights.size(); ++l) {
    weights[l].input = network.weights[l];
    gradients[l].input = sums[l];
  }
  // Twice: what a sample leaves behind does not matter.
  pass.Forward(weights, input);
  pass.Forward(weights, input);
  reference.Forward(rows);
  const std::vector<double> scores = reference.Scores();
  std::vector<double> errors;
  Loss(scores, &errors);
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(pass.scores()[i], scores[i], 1e-4);
  pass.Backward(weights, std::vector<float>(errors.begin(), errors.end()), gradients);
  const auto expected = reference.BackwardFromScores(errors);
  size_t r = 0;
  for (size_t l = 0; l < weights.size(); ++l) {
    if (network.plan.layers[l].pool != nullptr) continue;
    SCOPED_TRACE(l);
    if (reference.layers[r].spikes) {
      EXPECT_EQ(RowsOf(pass.spikes(l), reference.layers[r].units), reference.outputs[r]);
      EXPECT_GT(pass.spikes(l).size(), 5);
    }
    double largest = 0;
    for (const double g : expected[r].weights) largest = std::max(largest, std::abs(g));
    EXPECT_GT(largest, 1e-2);
    for (size_t i = 0; i < sums[l].size(); ++i) {
      ASSERT_NEAR(sums[l][i], expected[r].weights[i], 2e-5 * largest + 1e-6) << i;
    }
    ++r;
  }
}

TEST_P(ImageNetworkTest, PassEqualsTheReference) {
  for (const double chance : {0.1, 0.6}) {
    SCOPED_TRACE(chance);
    const LifSpikes spikes = RandomSpikes(inputs(), chance);
    ExpectPassEqualsReference(case_.network, {.spikes = &spikes, .currents = {}},
                              RowsOf(spikes, inputs()));
  }
}

TEST_P(ImageNetworkTest, PassEqualsTheReferenceOfCurrents) {
  std::vector<float> currents(static_cast<size_t>(inputs()));
  RandomStream random(23, RandomPurpose::kTest);
  for (float& x : currents) x = random.NextFloat();
  const Rows rows(kSteps, std::vector<double>(currents.begin(), currents.end()));
  ExpectPassEqualsReference(case_.network, {.spikes = nullptr, .currents = currents}, rows);
}

INSTANTIATE_TEST_SUITE_P(Networks, ImageNetworkTest,
                         ::testing::Combine(::testing::Range(0, 3),
                                            ::testing::Values(LifOrder::kImmediate,
                                                              LifOrder::kDelayed),
                                            ::testing::Bool()));

}  // namespace
}  // namespace torpor
