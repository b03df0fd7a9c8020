// The same random network for the fast path and for the reference.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/lif/conv_synapses.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/pooling.h"
#include "engine/lif/reference.h"
#include "random_lif.h"

namespace torpor {

struct NetworkCase {
  std::string name;
  LifPlan plan;
  // By layer of the plan; a pool's are empty.
  std::vector<std::vector<float>> weights, recurrent;
  // Without the pools, which its connections skip.
  ReferenceNetwork<double> reference;

  std::vector<LifWeights> Weights() const {
    std::vector<LifWeights> views;
    for (size_t l = 0; l < weights.size(); ++l) views.push_back({weights[l], recurrent[l]});
    return views;
  }
};

inline LifNeuron CaseNeuron(size_t layer) {
  return {0.6f, 0.8f, 0.7f + 0.1f * static_cast<float>(layer), 0.7f, 0.8f, 0};
}

// Adds a layer to both; `connections` as the reference has them.
inline void AddLayer(NetworkCase& c, std::shared_ptr<const LifSynapses> synapses, int inputs,
                     std::vector<ReferenceConnection> connections, float size, bool recurrent,
                     double scale = 1) {
  const size_t l = c.plan.layers.size();
  LifLayerPlan& layer = c.plan.layers.emplace_back();
  const int units = synapses->outputs();
  layer.neuron = CaseNeuron(l);
  c.weights.push_back(SomeFloats(static_cast<size_t>(synapses->weights()), size, 20 + l));
  c.recurrent.emplace_back();
  if (recurrent) {
    layer.recurrent = std::make_shared<DenseSynapses>(units, units);
    c.recurrent.back() = SomeFloats(static_cast<size_t>(units * units), 0.4f, 40 + l);
  }
  layer.synapses = std::move(synapses);
  ReferenceLayer<double>& reference = c.reference.layers.emplace_back();
  const LifNeuron& neuron = layer.neuron;
  reference.inputs = inputs;
  reference.units = units;
  reference.connections = std::move(connections);
  reference.scale = scale;
  reference.alpha = double{neuron.alpha};
  reference.beta = double{neuron.beta};
  reference.gamma = double{neuron.gamma};
  reference.delta = double{neuron.delta};
  reference.threshold = double{neuron.threshold};
  reference.weights.assign(c.weights.back().begin(), c.weights.back().end());
  reference.recurrent.assign(c.recurrent.back().begin(), c.recurrent.back().end());
}

inline void AddDense(NetworkCase& c, int inputs, int units, float size, bool recurrent = false) {
  AddLayer(c, std::make_shared<DenseSynapses>(inputs, units, DenseSynapses::Path::kEvents), inputs,
           DenseConnections(inputs, units), size, recurrent);
}

// A 3x3 convolution of 2 to 3 channels on 6x5 without padding, pooled 2x2 (a column is left over),
// then dense on the means.
inline void AddConvAndPool(NetworkCase& c) {
  LifConvShape shape;
  shape.input_channels = 2;
  shape.input_height = 6;
  shape.input_width = 5;
  shape.channels = 3;
  shape.kernel_height = shape.kernel_width = 3;
  std::vector<ReferenceConnection> taps;
  for (uint32_t row = 0; row < 4; ++row) {
    for (uint32_t column = 0; column < 3; ++column) {
      for (uint32_t k = 0; k < 2 * 3 * 3 * 3; ++k) {
        const uint32_t to = k % 3, right = k / 3 % 3, down = k / 9 % 3, from = k / 27;
        taps.push_back(
            {((row + down) * 5 + column + right) * 2 + from, (row * 3 + column) * 3 + to, k});
      }
    }
  }
  AddLayer(c, std::make_shared<ConvSynapses>(shape, ConvSynapses::Path::kEvents), 60, taps, 0.8f,
           false);
  LifPoolShape pool;
  pool.below = {3, 4, 3};
  pool.kernel_height = pool.kernel_width = pool.stride_height = pool.stride_width = 2;
  c.plan.layers.emplace_back().pool = std::make_shared<LifPooling>(pool);
  c.weights.emplace_back();
  c.recurrent.emplace_back();
  std::vector<ReferenceConnection> means;
  for (uint32_t j = 0; j < 4 * 3 * 3; ++j) {
    const uint32_t channel = j % 3, column = j / 3 % 3, row = j / 9;
    if (column == 2) continue;
    for (uint32_t i = 0; i < 7; ++i) means.push_back({j, i, ((row / 2) * 3 + channel) * 7 + i});
  }
  AddLayer(c, std::make_shared<DenseSynapses>(6, 7, DenseSynapses::Path::kEvents), 36, means, 1.8f,
           false, 0.25);
}

// All of 60 inputs and 5 classes.
inline std::vector<NetworkCase> NetworkCases() {
  std::vector<NetworkCase> cases;
  for (const LifOrder order : {LifOrder::kImmediate, LifOrder::kDelayed}) {
    for (const bool reset : {false, true}) {
      for (const bool integrates : {false, true}) {
        for (const std::string kind : {"one layer", "dense", "recurrent", "conv"}) {
          NetworkCase& c = cases.emplace_back();
          c.name = kind + (order == LifOrder::kImmediate ? ", immediate" : ", delayed") +
                   (reset ? ", reset" : "") + (integrates ? ", integrates" : ", spikes");
          c.plan.order = order;
          c.plan.steps = 19;
          c.plan.integrates = integrates;
          c.plan.surrogate = {3, reset};
          const bool recurrent = kind == "recurrent";
          if (kind == "one layer") {
            AddDense(c, 60, 5, 0.3f);
          } else if (kind == "conv") {
            AddConvAndPool(c);
            AddDense(c, 7, 5, 0.8f);
          } else {
            AddDense(c, 60, 40, 0.3f, recurrent);
            AddDense(c, 40, 20, 0.4f, recurrent);
            AddDense(c, 20, 5, 0.5f, recurrent && !integrates);
          }
          c.reference.order = order;
          c.reference.slope = 3;
          c.reference.reset_gradient = reset;
          c.reference.layers.back().spikes = !integrates;
        }
      }
    }
  }
  return cases;
}

// Where one is smaller, rounding may decide on a spike.
inline double NearestToThreshold(const ReferenceNetwork<double>& network) {
  double nearest = 1;
  for (size_t l = 0; l < network.layers.size(); ++l) {
    if (!network.layers[l].spikes) continue;
    for (const auto& row : network.membranes[l]) {
      for (const double x : row) nearest = std::min(nearest, std::fabs(x));
    }
  }
  return nearest;
}

}  // namespace torpor
