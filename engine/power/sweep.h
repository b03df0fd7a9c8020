// Sweeps of power modes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/model.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// Follows a sweep or a search. Either may be empty; both are called from the calling thread.
struct PowerProgress {
  // `done` of `total` rows are there; `row` is the newest. A search does not know its total: 0.
  std::function<void(int done, int total, const v1::PowerSweepRow& row)> on_row;
  // After each pass over the data: the share of the work that is done, never falling.
  std::function<void(double fraction)> on_fraction;
};

// Adds what is wrong with a grid whatever the model: no mode, more than 1000, an epsilon out of (0,
// 1], an axis without values. `path` is empty or ends with a dot.
void CheckGrid(const v1::PowerSweepSpec& spec, const std::string& path, Violations& violations);

// What a specification asks of a model: a sound grid, layers that exist and have weights.
// INVALID_ARGUMENT with paths inside the specification, e.g. "epsilon_layers[0]".
absl::Status CheckSweep(const Model& model, const v1::PowerSweepSpec& spec);

// The modes of a sweep, in order: every combination of spec.epsilon (outer loop), spec.bias and
// spec.axes over spec.base, then spec.modes; what has no values is no axis. The grid's epsilon is
// the mode's `epsilon`, or with epsilon_layers the layer_epsilon of those; layers that spec.base
// names in layer_epsilon otherwise stay there.
std::vector<v1::PowerMode> ModesOf(const v1::PowerSweepSpec& spec);

// One row for each of ModesOf(spec), on spec.realisation or else `realisation`, with the noise
// accuracy of spec.noise. A mode that cannot be deployed becomes a row with its error. The epsilon
// of a grid's row is the grid's, also where it scales some layers only.
absl::StatusOr<std::vector<v1::PowerSweepRow>> SweepPower(const Model& model,
                                                          const v1::PowerSweepSpec& spec,
                                                          const v1::Realisation& realisation,
                                                          const Dataset& data, ThreadPool* pool,
                                                          const Cancellation& cancellation,
                                                          const PowerProgress& progress);

}  // namespace torpor
