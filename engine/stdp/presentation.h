// A sample shown to a network that does not learn.
#pragma once

#include <cstdint>
#include <span>

#include "absl/functional/function_ref.h"
#include "engine/base/simd.h"
#include "engine/stdp/population.h"
#include "engine/stdp/spike_train.h"

namespace torpor {

// Keeps the neurons' state, not the weights: one a thread, any number on the same rows.
class Presentation {
 public:
  // Asked after each step in which neurons emitted, with the number of steps taken and the spike
  // counts so far [neurons]; true ends the sample.
  using Stop = absl::FunctionRef<bool(int steps, std::span<const int32_t> counts)>;

  // theta: [neurons].
  Presentation(const StdpParameters& parameters, std::span<const float> theta,
               const StateFormats& formats, uint64_t seed, Instructions with = BestInstructions())
      : parameters_(parameters), population_(parameters, theta, formats, seed, with) {}

  // All steps of `train`, or those before `stop` says so: `steps` of the counts returned. `counts`
  // [neurons] is set to the spikes that each neuron emitted. A function of the arguments and the
  // seed. input_spikes are those of the steps taken.
  StdpCounts Present(const WeightRows& rows, const SpikeTrain& train, uint64_t sample,
                     std::span<int32_t> counts);
  StdpCounts Present(const WeightRows& rows, const SpikeTrain& train, uint64_t sample,
                     std::span<int32_t> counts, Stop stop);

 private:
  const StdpParameters parameters_;
  Population population_;
};

}  // namespace torpor
