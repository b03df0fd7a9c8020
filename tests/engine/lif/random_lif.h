// Random small networks and samples for tests of the family.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/lif/network_plan.h"
#include "engine/lif/reference.h"

namespace torpor {

inline LifSpikes SomeLifSpikes(int steps, int units, double chance, uint64_t sample) {
  RandomStream random(11, RandomPurpose::kTest, 0, sample);
  LifSpikes spikes;
  for (int n = 0; n < steps; ++n) {
    for (uint32_t j = 0; j < static_cast<uint32_t>(units); ++j) {
      if (random.NextDouble() < chance) spikes.index.push_back(j);
    }
    spikes.EndStep();
  }
  return spikes;
}

inline std::vector<float> SomeFloats(size_t n, float scale, uint64_t sample) {
  RandomStream random(12, RandomPurpose::kTest, 0, sample);
  std::vector<float> values(n);
  for (float& x : values) x = scale * (2 * random.NextFloat() - 1);
  return values;
}

template <typename Real>
std::vector<std::vector<Real>> Dense(const LifSpikes& spikes, int units) {
  std::vector<std::vector<Real>> rows;
  for (int n = 0; n < spikes.steps(); ++n) {
    auto& row = rows.emplace_back(static_cast<size_t>(units));
    for (const uint32_t j : spikes.At(n)) row[j] += 1;
  }
  return rows;
}

inline std::vector<Instructions> InstructionSets() {
  std::vector<Instructions> sets = {Instructions::kBase};
  if (BestInstructions() >= Instructions::kAvx2) sets.push_back(Instructions::kAvx2);
  if (BestInstructions() >= Instructions::kAvx512) sets.push_back(Instructions::kAvx512);
  return sets;
}

}  // namespace torpor
