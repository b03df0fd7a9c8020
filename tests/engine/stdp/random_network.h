// Small random networks and spike trains in which everything happens: neurons cross together, are
// inhibited, learn and rest.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/stdp/parameters.h"
#include "engine/stdp/spike_train.h"

namespace torpor {

inline std::vector<Instructions> InstructionSets() {
  std::vector<Instructions> sets;
  for (const Instructions with :
       {Instructions::kBase, Instructions::kAvx2, Instructions::kAvx512}) {
    if (with <= BestInstructions()) sets.push_back(with);
  }
  return sets;
}

inline StdpParameters SomeParameters(int inputs, int neurons) {
  StdpParameters p;
  p.inputs = inputs;
  p.neurons = neurons;
  p.steps = 60;
  p.decay = std::exp(-1.0f / 100);
  p.reset = 5;
  p.threshold = 13;
  p.refractory = 5;
  p.theta_plus = 0.1f;
  p.theta_decay = 0.999f;
  p.inhibition = 30.1f;
  p.spike_chance = 0.128f;
  return p;
}

inline InhibitoryNeurons SomeInhibitory() { return {std::exp(-1.0f / 10), 15, 20, 2, 22.5f}; }

// Weights uniform in [0, 0.6), theta in [0, 1).
inline StdpWeights SomeWeights(const StdpParameters& p, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::kTest);
  StdpWeights weights;
  weights.weights.resize(static_cast<size_t>(p.inputs) * static_cast<size_t>(p.neurons));
  weights.theta.resize(static_cast<size_t>(p.neurons));
  for (float& w : weights.weights) w = 0.6f * random.NextFloat();
  for (float& theta : weights.theta) theta = random.NextFloat();
  return weights;
}

// Each input spikes at each step with this chance.
inline SpikeTrain SomeSpikes(const StdpParameters& p, double chance, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::kTest, 1);
  SpikeTrain train;
  train.begin.push_back(0);
  for (int t = 0; t < p.steps; ++t) {
    for (int i = 0; i < p.inputs; ++i) {
      if (random.NextDouble() < chance) train.inputs.push_back(static_cast<uint32_t>(i));
    }
    train.begin.push_back(train.inputs.size());
  }
  return train;
}

}  // namespace torpor
