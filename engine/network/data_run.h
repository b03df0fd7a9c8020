// Running a deployment over a dataset.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/deployment.h"

namespace torpor {

// INVALID_ARGUMENT with path "dataset" where samples have another number of values, with path
// "samples" where there are none.
absl::Status CheckSamples(const Dataset& data, int features);

// Sums that a run adds to; each may be null.
struct DataRunSums {
  Recorder* recorder = nullptr;
  Activity* activity = nullptr;
};

// Told of every sample once, from several threads.
using UseSample = std::function<void(int64_t sample, const SampleResult& result)>;

// Runs all samples; sample i runs with key i. Work is split into blocks of a fixed size whose sums
// are added in order, so results do not depend on threads. Errors are those of CheckSamples and of
// the deployment.
absl::Status RunData(const Deployment& deployment, const Dataset& data, ThreadPool* pool,
                     const Cancellation& cancellation, const UseSample& use,
                     const DataRunSums& sums = {});

}  // namespace torpor
