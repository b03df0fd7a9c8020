// Calibration statistics in an archive.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "engine/network/archive.h"
#include "engine/scaling/calibration.h"

namespace torpor {

// What the statistics of a layer must look like.
struct StatisticsShape {
  int64_t units = 0;
  int64_t inputs = 0;
  // 0 for the first layer with weights, which keeps nothing about its windows.
  int64_t fan_in = 0;
  // Units of the layer with weights before; 0 for the first.
  int64_t units_before = 0;
};

// Tensors <prefix>/mean, stddev, active [units], mean_squared_input [inputs], and where they are
// not empty quantiles [units x groups], mean_input [fan_in], input_covariance [units
// before], delta_mean [units].
void SaveStatistics(const LayerStatistics& statistics, const std::string& prefix,
                    ArchiveWriter& archive);
// Archives of older versions lack the tensors that may be empty. DATA_LOSS names a tensor that is
// missing beside others, whose shape is another or whose numbers cannot be.
absl::StatusOr<LayerStatistics> LoadStatistics(const ArchiveReader& archive,
                                               const std::string& prefix,
                                               const StatisticsShape& shape);

}  // namespace torpor
