// Gathering the statistics of a full-power rate network.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/rate/weights.h"
#include "engine/scaling/calibration.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Statistics by layer over all samples of `data`, without noise; those of layers without weights
// are empty. Distributions are taken from at most kQuantileSamples windows, spread evenly over the
// samples (fewer where layers are so wide that this would need more than 256 MB). Deltas are those
// of `loss`; without a loss, with STEP activations, or with labels beyond the outputs there are
// none. Blocks of a fixed size are merged in order, so the bits do not depend on the pool.
absl::StatusOr<std::vector<LayerStatistics>> CalibrateRate(
    const std::vector<RateLayerShape>& shapes, const std::vector<RateLayerParameters>& parameters,
    v1::Loss::Kind loss, const Dataset& data, ThreadPool* pool, const Cancellation& cancellation);

}  // namespace torpor
