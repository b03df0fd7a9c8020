// Running a deployment over a dataset.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/energy/price.h"
#include "engine/network/deployment.h"

namespace torpor {

// What one sample did.
struct SampleFigures {
  int32_t klass = 0;
  double synaptic_power = 0;
  double loss = 0;
  // Of the winning class.
  double probability = 0;
  // 0 for families without steps.
  int32_t steps = 0;
  // Without a pricer, or where a count or a coefficient is not known: nothing.
  std::optional<double> joules = {};
};

// What a run is to bring beside the figures of each sample; each may be null.
struct SampleRunExtras {
  // Recordings are added to it.
  Recorder* recorder = nullptr;
  // The samples' activities are added to it.
  Activity* activity = nullptr;
  const Pricer* pricer = nullptr;
};

// The figures of all samples, in order; sample i runs with key i. Work is split into blocks of a
// fixed size, so results do not depend on threads. INVALID_ARGUMENT with path "dataset" where the
// data do not fit the network.
absl::StatusOr<std::vector<SampleFigures>> RunSamples(const Deployment& deployment,
                                                      const Dataset& data, ThreadPool* pool,
                                                      const Cancellation& cancellation,
                                                      const SampleRunExtras& extras = {});

// Samples whose class is their label: the same run without figures that nobody asked for.
absl::StatusOr<int64_t> CountCorrect(const Deployment& deployment, const Dataset& data,
                                     ThreadPool* pool, const Cancellation& cancellation);

}  // namespace torpor
