// Measuring one power mode on data: accuracy and power from the same samples.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/deployment.h"
#include "engine/network/model.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// What full power does on some data: the reference for agreement and NASP.
struct FullPowerReference {
  // Class of each sample.
  std::vector<int32_t> classes;
  // Mean synaptic power a sample.
  double synaptic_power = 0;
  // Sums of squared inputs of each layer, for the nominal NASP.
  Recorder recorder;
  // NominalSynapticPower(recorder) at full power: the nominal NASP's denominator, so that it is
  // exactly 1 there.
  double nominal_synaptic_power = 0;
};

// Sample i of `data` runs with key i. Work is split into blocks of a fixed size, so results do not
// depend on threads.
absl::StatusOr<FullPowerReference> MeasureFullPower(const Deployment& full, const Dataset& data,
                                                    ThreadPool* pool,
                                                    const Cancellation& cancellation);

// One row for `deployment`; epsilon and bias of the row are taken from its mode.
absl::StatusOr<v1::PowerSweepRow> EvaluateMode(const Deployment& deployment,
                                               const FullPowerReference& full, const Dataset& data,
                                               ThreadPool* pool, const Cancellation& cancellation);

// Every combination of spec.epsilon and spec.bias on spec.realisation or else `realisation`,
// epsilon in the outer loop. A mode that cannot be deployed becomes a row with its error.
// `on_row(done, total, row)` follows the sweep.
absl::StatusOr<std::vector<v1::PowerSweepRow>> SweepPower(
    const Model& model, const v1::PowerSweepSpec& spec, const v1::Realisation& realisation,
    const Dataset& data, ThreadPool* pool, const Cancellation& cancellation,
    const std::function<void(int done, int total, const v1::PowerSweepRow& row)>& on_row);

}  // namespace torpor
