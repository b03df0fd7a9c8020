// A sample as its network sees it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/lif/definition.h"
#include "engine/lif/encoders.h"
#include "engine/lif/layouts.h"
#include "engine/lif/network_plan.h"
#include "engine/network/deployment.h"

namespace torpor {

// Encodes samples as the definition says, into the family's order of units. One a thread.
class LifSampleEncoder {
 public:
  // `seed`: of the rate code.
  LifSampleEncoder(const LifDefinition& definition, uint64_t seed);

  // The first `steps` steps of the sample, a function of it and, with a rate code, of `key`. Valid
  // until the next call.
  LifInput Encode(const InputView& input, uint64_t key, int steps);

 private:
  template <typename T>
  void EncodeValues(std::span<const T> values, uint64_t key);

  LifCode code_;
  int steps_;
  // What the first layer sees, where its units are numbered otherwise; else a list.
  LifImage image_;
  bool reorders_;
  LatencyEncoder latency_;
  SpikeRateEncoder rate_;
  LifSpikes spikes_;
  std::vector<float> currents_;
  std::vector<uint8_t> bytes_;
  std::vector<float> values_;
};

}  // namespace torpor
