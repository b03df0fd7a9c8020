// Measuring one power mode on data: accuracy and power from the same samples.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/deployment.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// What full power does on some data: the reference for agreement and NASP.
struct FullPowerReference {
  // Class of each sample.
  std::vector<int32_t> classes;
  // Synaptic power of each sample, and its mean.
  std::vector<double> powers;
  double synaptic_power = 0;
  // Sums of squared inputs of each layer, for the nominal NASP.
  Recorder recorder;
  // NominalSynapticPower(recorder) at full power: the nominal NASP's denominator, so that it is
  // exactly 1 there.
  double nominal_synaptic_power = 0;
};

// Sample i of `data` runs with key i. Results do not depend on threads.
absl::StatusOr<FullPowerReference> MeasureFullPower(const Deployment& full, const Dataset& data,
                                                    ThreadPool* pool,
                                                    const Cancellation& cancellation);

// One row for `deployment` with the 95 % interval of each figure; epsilon, bias and power_mode are
// those in force. Activity is priced by `profile`, or where that is null by the family's own
// profile. Noise accuracy is MeasureNoise's.
absl::StatusOr<v1::PowerSweepRow> EvaluateMode(const Deployment& deployment,
                                               const FullPowerReference& full, const Dataset& data,
                                               ThreadPool* pool, const Cancellation& cancellation,
                                               const v1::DeviceProfile* profile = nullptr);

// The row's nasp alone.
absl::StatusOr<double> MeasureNasp(const Deployment& deployment, const FullPowerReference& full,
                                   const Dataset& data, ThreadPool* pool,
                                   const Cancellation& cancellation);

}  // namespace torpor
