// The page that `torpor demo` writes. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/demo_stream.h"
#include "client/cli/demo_table.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// All that was seen in one demo.
struct DemoRecord {
  // This program as it was called.
  std::string program = "torpor";
  std::string dataset;
  // Sizes of the layers.
  int64_t inputs = 0;
  int hidden_units = 0;
  int classes = 0;
  double column_noise = 0;
  // The ended training job.
  v1::Job training;
  double training_seconds = 0;
  // In the order of switching; the first is full power.
  std::vector<DemoRow> rows;
  StreamTotals stream;
  // Homogeneous on a realisation without noise, measured by a sweep after the stream; may be empty.
  std::vector<v1::PowerSweepRow> noiseless;
};

// Images answered per second, and median and 99th percentile latency, in bins of `bin_s` seconds.
struct TimeLine {
  std::vector<double> at_s;
  std::vector<double> images_per_second;
  std::vector<double> latency_p50_ms;
  std::vector<double> latency_p99_ms;
};
TimeLine BinReplies(const StreamTotals& stream, double bin_s);

// What was seen, in plain words with the figures of this run.
std::vector<std::string> ExplainDemo(const DemoRecord& record);

// What to type after the demo; `program` is this program as it was called.
std::vector<std::string> DemoNextCommands(const std::string& program, const std::string& dataset);

// The whole page; fails as RenderSvg does.
absl::StatusOr<std::string> DemoPage(const DemoRecord& record);

}  // namespace torpor::cli
