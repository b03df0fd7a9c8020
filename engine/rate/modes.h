// What a power mode makes of a rate network on one piece of simulated hardware: signal factors,
// biases, noise, digital output and synaptic power, from parameters and calibration statistics, no
// data needed.
//
// Power is eq. 3 of Merkel for what really flows: voltage squared times conductance times time. A
// weight w is a pair of devices between which |w| Gmax lies when the off one conducts nothing; with
// off_conductance f both conduct at least f G, G the layer's largest |w|, and the difference that
// carries the signal shrinks to (1 - f) w, which the column's gain makes up for. With the layer's
// epsilon e, inputs u and n devices pairs fed by each of them:
//   REPROGRAM     e (1 - f) (u o u) . |w| + 2 f G n sum u^2
//   READ_VOLTAGE  e^2 times the whole at epsilon 1
//   READ_TIME     e times the whole at epsilon 1
// The bias row is driven by constant 1 at every place. If its biases are k times the trained ones,
// it is driven like a row of inputs whose epsilon is k; else it is programmed anew and draws (1 -
// f) sum |c| + 2 f G n. With f = 0 and REPROGRAM this is eq. 3 of the scaled network.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "engine/rate/definition.h"
#include "engine/rate/deployment.h"
#include "engine/rate/weights.h"
#include "engine/scaling/calibration.h"
#include "engine/scaling/tuned.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// What a model knows; all of it outlives the call.
struct RateKnowledge {
  const std::vector<RateLayerShape>& shapes;
  const std::vector<RateLayerParameters>& parameters;
  // By layer, empty for layers without weights; no layers at all without calibration.
  const std::vector<LayerStatistics>& statistics;
  const Tunings& tunings;
};

struct RateMode {
  // By layer.
  std::vector<RateLayerDrive> drives;
  DigitalOutput output;
  // The mode with every lever at its value in force; `approximate` stays only where it was needed.
  v1::PowerMode in_force;
};

// `mode` and `realisation` were checked against levers and bounds. FAILED_PRECONDITION with reason
// CALIBRATION_REQUIRED, TUNING_REQUIRED or NOT_HOMOGENEOUS says what the model lacks for it, and a
// way out.
absl::StatusOr<RateMode> ResolveRateMode(const RateKnowledge& model, const v1::PowerMode& mode,
                                         const v1::Realisation& realisation);

// Scale of each layer's weights; 1 for layers without.
std::vector<double> EpsilonsOf(const v1::PowerMode& mode,
                               const std::vector<RateLayerShape>& shapes);

}  // namespace torpor
