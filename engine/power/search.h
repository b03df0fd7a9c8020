// Finding the epsilons at which a network draws a given share of full power.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/model.h"
#include "engine/power/sweep.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// The smallest epsilon that a search sets; what a policy draws there is its floor.
inline constexpr double kSmallestEpsilon = 0.005;

struct SearchResult {
  // What was measured, in order, the found mode last and with the noise accuracy of every level.
  // For one epsilon: each point of the curve (without noise accuracy). By layer: each set of
  // epsilons that was compared, all at the target within a thousandth of it, with the noise
  // accuracy of the first level.
  std::vector<v1::PowerSweepRow> rows;
  // spec.base with the epsilon, or with layer_epsilon of every layer that was free.
  v1::PowerMode found;
};

// What a specification asks of a model: a policy with a curve, layers that are free to scale.
// INVALID_ARGUMENT with paths inside the specification.
absl::Status CheckSearch(const Model& model, const v1::PowerSearchSpec& spec);

// Inverts NASP(epsilon), measured on spec.realisation or else `realisation`, to 1e-8 where the
// curve allows. A mode that draws less than the target at epsilon 1 is found at 1: the target is a
// budget. OUT_OF_RANGE with reason UNREACHABLE and metadata `floor` below the NASP at
// kSmallestEpsilon.
//
// By layer: among sets of epsilons with that NASP, the one with the highest accuracy under the
// noise's first level, mean over its seeds; a tie goes to the smaller loss. Layers without weights
// have no epsilon, and those in spec.base.layer_epsilon stay there. The sets are lines of fixed
// ratios to the first free layer's epsilon, each clamped to [kSmallestEpsilon, 1], along which the
// common factor is found by inversion: always the single epsilon and the first layer alone (all
// others at 1); with two free layers a logarithmic grid of ratios, then steps of sqrt(2) and its
// root about the best; with more, coordinate descent over the logarithms of the ratios with steps
// of 4, 2 and sqrt(2). Deterministic: the same for any number of threads, and after a restart.
absl::StatusOr<SearchResult> SearchPower(const Model& model, const v1::PowerSearchSpec& spec,
                                         const v1::Realisation& realisation, const Dataset& data,
                                         ThreadPool* pool, const Cancellation& cancellation,
                                         const PowerProgress& progress);

}  // namespace torpor
