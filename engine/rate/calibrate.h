// Gathering the statistics of a full-power rate network.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/rate/weights.h"
#include "engine/scaling/calibration.h"

namespace torpor {

// Statistics by layer over all samples of `data`, without noise. Blocks of a fixed size are merged
// in order, so the bits do not depend on the pool.
absl::StatusOr<std::vector<LayerStatistics>> CalibrateRate(const FrozenWeights& weights,
                                                           const Dataset& data, ThreadPool* pool,
                                                           const Cancellation& cancellation);

}  // namespace torpor
