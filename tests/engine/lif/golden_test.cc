// Networks with traces against numbers of an independent program (tests/golden/lif): the plain
// equations to the last digits of double, the event-driven float passes, through archives and the
// layouts inside the family, to those of float.
#include "tests/support/lif_golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/learn/loss.h"
#include "engine/lif/network_pass.h"
#include "engine/lif/plan_of.h"
#include "engine/lif/reference.h"
#include "engine/lif/sample_encoder.h"
#include "engine/lif/spike_losses.h"
#include "engine/lif/training_settings.h"
#include "engine/lif/weights.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using testing::LifGolden;
using testing::LifGoldenLayer;
using Network = ReferenceNetwork<double>;
using Rows = Network::Rows;

LifDefinition Resolved(const LifGolden& golden) {
  v1::Network network;
  *network.mutable_lif() = golden.definition;
  const auto definition = ResolveLif(network);
  EXPECT_TRUE(definition.ok()) << definition.status();
  return *definition;
}

// Unit (channel, row, column), as borders number them.
uint32_t At(const ImageShape& image, int channel, int row, int column) {
  return static_cast<uint32_t>((channel * image.height + row) * image.width + column);
}

std::vector<ReferenceConnection> ConvConnections(const LifLayerShape& s) {
  std::vector<ReferenceConnection> all;
  uint32_t weight = 0;
  for (int o = 0; o < s.units; ++o) {
    for (int c = 0; c < s.input_image.channels; ++c) {
      for (int i = 0; i < s.kernel.height; ++i) {
        for (int j = 0; j < s.kernel.width; ++j, ++weight) {
          for (int y = 0; y < s.output_image.height; ++y) {
            for (int x = 0; x < s.output_image.width; ++x) {
              const int row = y * s.stride.height - s.padding.height + i;
              const int column = x * s.stride.width - s.padding.width + j;
              if (row < 0 || row >= s.input_image.height) continue;
              if (column < 0 || column >= s.input_image.width) continue;
              all.push_back(
                  {At(s.input_image, c, row, column), At(s.output_image, o, y, x), weight});
            }
          }
        }
      }
    }
  }
  return all;
}

std::vector<ReferenceConnection> DenseOf(const LifLayerShape& s) {
  std::vector<ReferenceConnection> all;
  for (uint32_t i = 0; i < static_cast<uint32_t>(s.units); ++i) {
    for (uint32_t j = 0; j < static_cast<uint32_t>(s.inputs); ++j) {
      all.push_back({j, i, i * static_cast<uint32_t>(s.inputs) + j});
    }
  }
  return all;
}

// What stands on a pool, connected to what lies below it.
std::vector<ReferenceConnection> ThroughPool(const LifLayerShape& s,
                                             const std::vector<ReferenceConnection>& above) {
  std::vector<ReferenceConnection> all;
  const int plane = s.output_image.height * s.output_image.width;
  for (const ReferenceConnection& of : above) {
    const int channel = static_cast<int>(of.input) / plane;
    const int place = static_cast<int>(of.input) % plane;
    for (int i = 0; i < s.kernel.height; ++i) {
      for (int j = 0; j < s.kernel.width; ++j) {
        all.push_back(
            {At(s.input_image, channel, place / s.output_image.width * s.stride.height + i,
                place % s.output_image.width * s.stride.width + j),
             of.unit, of.weight});
      }
    }
  }
  return all;
}

std::vector<double> Transposed(const std::vector<double>& square, int units) {
  std::vector<double> turned(square.size());
  for (int i = 0; i < units; ++i) {
    for (int k = 0; k < units && !square.empty(); ++k) {
      turned[static_cast<size_t>(k * units + i)] = square[static_cast<size_t>(i * units + k)];
    }
  }
  return turned;
}

Network ReferenceOf(const LifGolden& golden, const LifDefinition& definition) {
  Network network;
  network.order = definition.order;
  network.slope = golden.training.slope();
  network.reset_gradient = golden.training.reset_gradient();
  std::vector<const LifLayerShape*> pools;
  for (size_t l = 0; l < definition.layers.size(); ++l) {
    const LifLayerShape& shape = definition.layers[l];
    if (shape.kind == LifLayerKind::kAvgPool2d) pools.push_back(&shape);
    if (!shape.has_weights()) continue;
    ReferenceLayer<double> layer;
    layer.inputs = pools.empty() ? shape.inputs : pools.front()->inputs;
    layer.units = shape.outputs;
    layer.connections =
        shape.kind == LifLayerKind::kConv2d ? ConvConnections(shape) : DenseOf(shape);
    for (size_t p = pools.size(); p-- > 0;) {
      layer.connections = ThroughPool(*pools[p], layer.connections);
      layer.scale /= pools[p]->kernel.height * pools[p]->kernel.width;
    }
    pools.clear();
    const v1::LifNeuron& neuron = golden.definition.layers(static_cast<int>(l)).neuron();
    layer.alpha = neuron.alpha();
    layer.beta = neuron.beta();
    layer.gamma = neuron.gamma();
    layer.delta = neuron.delta();
    layer.threshold = neuron.threshold();
    layer.weights = golden.layers[l].weights;
    layer.recurrent = Transposed(golden.layers[l].recurrent_weights, shape.units);
    network.layers.push_back(std::move(layer));
  }
  network.layers.back().spikes = !definition.integrates;
  return network;
}

Rows RowsOf(const std::vector<double>& values, int steps) {
  const size_t width = values.size() / static_cast<size_t>(steps);
  Rows rows;
  for (size_t n = 0; n < static_cast<size_t>(steps); ++n) {
    rows.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(n * width),
                      values.begin() + static_cast<std::ptrdiff_t>((n + 1) * width));
  }
  return rows;
}

// The sample's share of the mean loss, and its gradient's.
double ReferenceLoss(const LifGolden& golden, const Network& network, size_t sample,
                     std::vector<Network::Gradient>& gradients) {
  const double share = 1.0 / golden.samples;
  if (golden.loss == v1::Loss::VAN_ROSSUM) {
    const int units = network.layers.back().units;
    std::vector<double> rows;
    for (const auto& row : network.outputs.back()) rows.insert(rows.end(), row.begin(), row.end());
    for (size_t i = 0; i < rows.size(); ++i) rows[i] -= golden.targets[sample][i];
    const double loss = VanRossumLoss<double>(FilterOf(golden.training), golden.steps, units, share,
                                              rows.data(), units);
    gradients = network.Backward(RowsOf(rows, golden.steps));
    return loss;
  }
  const std::vector<double> scores = network.Scores();
  std::vector<double> delta(scores.size());
  double loss = 0;
  const auto label = static_cast<size_t>(golden.labels[sample]);
  if (golden.loss == v1::Loss::SPIKE_COUNT) {
    loss = SpikeCountLoss<double>(scores, golden.steps, golden.labels[sample],
                                  SharesOf(golden.training), share, delta);
  } else {
    const double top = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (const double score : scores) sum += std::exp(score - top);
    for (size_t i = 0; i < scores.size(); ++i) {
      delta[i] = share * (std::exp(scores[i] - top) / sum - (i == label ? 1 : 0));
    }
    loss = std::log(sum) + top - scores[label];
  }
  gradients = network.BackwardFromScores(delta);
  return loss;
}

void ExpectNear(const std::vector<double>& got, const std::vector<double>& wanted, double tolerance,
                const std::string& what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  double largest = 1;
  for (const double x : wanted) largest = std::max(largest, std::fabs(x));
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], wanted[i], tolerance * largest) << what << " at " << i;
  }
}

void Add(const std::vector<double>& values, std::vector<double>& sum) {
  sum.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
}

class LifGoldenTest : public ::testing::TestWithParam<LifGolden> {};

TEST_P(LifGoldenTest, TheSlidesEquationsInDouble) {
  constexpr double kTolerance = 1e-10;
  const LifGolden& golden = GetParam();
  const LifDefinition definition = Resolved(golden);
  Network network = ReferenceOf(golden, definition);
  std::vector<Network::Gradient> sums(network.layers.size());
  for (size_t sample = 0; sample < static_cast<size_t>(golden.samples); ++sample) {
    network.Forward(RowsOf(golden.inputs[sample], golden.steps));
    size_t r = 0;
    for (size_t l = 0; l < definition.layers.size(); ++l) {
      if (!definition.layers[l].has_weights()) continue;
      const LifGoldenLayer& wanted = golden.layers[l];
      std::vector<double> membranes, spikes;
      for (size_t n = 0; n < static_cast<size_t>(golden.steps); ++n) {
        for (const double x : network.membranes[r][n]) {
          membranes.push_back(x + network.layers[r].threshold);
        }
        spikes.insert(spikes.end(), network.outputs[r][n].begin(), network.outputs[r][n].end());
      }
      const std::string what = definition.layers[l].name;
      if (network.layers[r].spikes) {
        ExpectNear(membranes, wanted.membranes[sample], kTolerance, what + " membranes");
        ExpectNear(spikes, wanted.spikes[sample], 0, what + " spikes");
      } else {
        ExpectNear(spikes, wanted.membranes[sample], kTolerance, what + " integrated");
      }
      ++r;
    }
    ExpectNear(network.Scores(), golden.scores[sample], kTolerance, "scores");
    std::vector<Network::Gradient> gradients;
    const double loss = ReferenceLoss(golden, network, sample, gradients);
    EXPECT_NEAR(loss, golden.losses[sample], kTolerance * std::max(1.0, golden.losses[sample]));
    for (size_t i = 0; i < sums.size(); ++i) {
      Add(gradients[i].weights, sums[i].weights);
      Add(gradients[i].recurrent, sums[i].recurrent);
    }
  }
  size_t r = 0;
  for (size_t l = 0; l < definition.layers.size(); ++l) {
    const LifLayerShape& shape = definition.layers[l];
    if (!shape.has_weights()) continue;
    ExpectNear(sums[r].weights, golden.layers[l].gradient, kTolerance, shape.name + " gradient");
    ExpectNear(Transposed(sums[r].recurrent, shape.units), golden.layers[l].recurrent_gradient,
               kTolerance, shape.name + " recurrent gradient");
    ++r;
  }
}

std::vector<float> Floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// The border's weights of one kind into an archive, as SaveLifWeights names them.
std::string ArchiveOf(const LifGolden& golden, const LifDefinition& definition) {
  v1::Network network;
  *network.mutable_lif() = golden.definition;
  ArchiveWriter writer("model", network);
  for (size_t l = 0; l < definition.layers.size(); ++l) {
    const LifLayerShape& shape = definition.layers[l];
    if (!shape.has_weights()) continue;
    std::vector<int64_t> dimensions = {shape.units, shape.fan_in};
    if (shape.kind == LifLayerKind::kConv2d) {
      dimensions = {shape.units, shape.input_image.channels, shape.kernel.height,
                    shape.kernel.width};
    }
    writer.AddFloats("layers/" + shape.name + "/weight", dimensions,
                     Floats(golden.layers[l].weights));
    if (!shape.recurrent) continue;
    writer.AddFloats("layers/" + shape.name + "/recurrent", {shape.units, shape.units},
                     Floats(golden.layers[l].recurrent_weights));
  }
  return writer.Serialize();
}

TEST_P(LifGoldenTest, TheEventDrivenPassesInFloat) {
  constexpr double kTolerance = 2e-5;
  const LifGolden& golden = GetParam();
  const LifDefinition definition = Resolved(golden);
  TORPOR_ASSERT_OK_AND_ASSIGN(const ArchiveReader archive,
                              ArchiveReader::Parse(ArchiveOf(golden, definition)));
  TORPOR_ASSERT_OK_AND_ASSIGN(const LifParameters parameters,
                              LoadLifWeights(definition, "layers/", archive));
  const LifPlan plan = PlanOf(definition, SurrogateOf(golden.training));
  LifNetworkPass pass(&plan);
  LifSampleEncoder encoder(definition, 0);
  const std::vector<LifWeights> weights = ViewsOf(definition, parameters);
  LifParameters sums = ZerosLike(parameters);
  const std::vector<LifGradients> gradients = GradientViewsOf(definition, sums);
  for (size_t sample = 0; sample < static_cast<size_t>(golden.samples); ++sample) {
    std::vector<float> values = Floats(golden.inputs[sample]);
    if (definition.code == LifCode::kDirect) values.resize(static_cast<size_t>(definition.inputs));
    const LifInput input = encoder.Encode({.values = values}, 0, golden.steps);
    pass.Forward(weights, input);
    const float share = 1.0f / static_cast<float>(golden.samples);
    std::vector<double> scores(pass.scores().begin(), pass.scores().end());
    ExpectNear(scores, golden.scores[sample], kTolerance, "scores");
    if (golden.loss == v1::Loss::VAN_ROSSUM) {
      LifSpikes target;
      RasterSpikes(golden.steps, Floats(golden.targets[sample]), target);
      const float loss = VanRossumLoss(FilterOf(golden.training), pass.spikes(weights.size() - 1),
                                       target, share, pass.output_errors());
      EXPECT_NEAR(loss, golden.losses[sample], 1e-5 * golden.losses[sample]);
      pass.BackwardFromSpikes(weights, gradients);
      continue;
    }
    std::vector<float> delta(scores.size());
    const float loss =
        golden.loss == v1::Loss::SPIKE_COUNT
            ? SpikeCountLoss<float>(pass.scores(), golden.steps, golden.labels[sample],
                                    SharesOf(golden.training), share, delta)
            : LossAndGradient(v1::Loss::CE, v1::Activation::LINEAR, pass.scores(),
                              golden.labels[sample], share, delta);
    EXPECT_NEAR(loss, golden.losses[sample], 1e-5 * std::max(1.0, golden.losses[sample]));
    pass.Backward(weights, delta, gradients);
  }
  v1::Network network;
  *network.mutable_lif() = golden.definition;
  ArchiveWriter writer("model", network);
  SaveLifWeights(definition, sums, "gradients/", writer);
  TORPOR_ASSERT_OK_AND_ASSIGN(const ArchiveReader reader, ArchiveReader::Parse(writer.Serialize()));
  for (const v1::ArchiveTensor& tensor : reader.manifest().tensors()) {
    const bool recurrent = tensor.name().ends_with("/recurrent");
    for (size_t l = 0; l < definition.layers.size(); ++l) {
      if (!tensor.name().starts_with("gradients/" + definition.layers[l].name + "/")) continue;
      TORPOR_ASSERT_OK_AND_ASSIGN(
          const std::vector<float> got,
          reader.Floats(tensor.name(), {tensor.shape().begin(), tensor.shape().end()}));
      ExpectNear({got.begin(), got.end()},
                 recurrent ? golden.layers[l].recurrent_gradient : golden.layers[l].gradient,
                 kTolerance, tensor.name());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LifGoldenTest, ::testing::ValuesIn(testing::LoadLifGolden()),
                         [](const auto& golden) {
                           std::string name = golden.param.name;
                           std::erase_if(name, [](char c) { return std::isalnum(c) == 0; });
                           return name;
                         });

}  // namespace
}  // namespace torpor
