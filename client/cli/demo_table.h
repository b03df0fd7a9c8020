// One row of the demo for each power mode, as live text, JSON and messages. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "client/cli/demo_stream.h"
#include "client/cli/output.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/power.pb.h"

namespace torpor::cli {

// A mode as it was asked for, how the switch went, and what the stream measured.
struct DemoRow {
  double epsilon = 1;
  v1::BiasPolicy::Kind bias = v1::BiasPolicy::NONE;
  ModeFigures figures;
  // Seconds since the stream began, at the request and at its answer.
  double switch_begin_s = 0;
  double switch_end_s = 0;
  // As the server reports them, milliseconds; swap without the durable write.
  double prepare_ms = 0;
  double swap_ms = 0;

  double accuracy() const;
  double agreement() const;
};

// A line of names with their units, and a row under it, with the same widths.
std::string DemoTableHeader();
std::string DemoTableLine(const DemoRow& row);
// "     0.1  homogeneous  streaming [############........]  64 %", for a line that is written over.
std::string DemoProgressLine(double epsilon, v1::BiasPolicy::Kind bias, int64_t answered,
                             int64_t all);

Json DemoRowJson(const DemoRow& row);
// With Wilson intervals; ece and nasp_nominal, which the stream does not measure, stay 0.
v1::PowerSweepRow ToSweepRow(const DemoRow& row);

}  // namespace torpor::cli
