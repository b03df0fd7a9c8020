// What goes on inside the neurons while samples are shown: the unit of column noise, and the range
// that stored potentials need.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/data/dataset.h"
#include "engine/quantize/range.h"
#include "engine/stdp/parameters.h"
#include "engine/stdp/plan.h"

namespace torpor {

struct StdpObserved {
  // Standard deviation of what a neuron's weights bring it in a step, pooled over neurons, steps
  // and samples [mV].
  double drive_stddev = 0;
  // Potentials after each step, and thresholds with theta [mV].
  RangeObserver potentials;
};

// Shows the first samples of `data`, 64 at most and fewer to large networks, to a network that does
// not learn and keeps its state in float32. Sample i is shown with key i. Serial; its time does not
// grow with the data.
absl::StatusOr<StdpObserved> ObserveStdp(const StdpPlan& plan, const StdpWeights& weights,
                                         const Dataset& data, const Cancellation& cancellation);

}  // namespace torpor
