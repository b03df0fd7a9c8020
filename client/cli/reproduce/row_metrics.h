// The figures of a power sweep's rows, as rows of a reproduction. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "client/cli/reproduce/rows.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli::reproduce {

// Adds every figure that the sweep's row has. `base` is the place of its accuracy, whose `what`
// says of what; ids of the others end in ",metric=NAME". `draws` holds the same mode of each draw
// of one network's hardware: several count as repetitions of one training, with their mean. Rows
// that could not be measured are errors. `draws` must not be empty.
void AddSweepRow(const Place& base, const std::vector<const v1::PowerSweepRow*>& draws,
                 RowCollector& rows);

// A value with its interval where the server gave one (high > low).
Value OfInterval(double value, double low, double high);

}  // namespace torpor::cli::reproduce
