#include "engine/scaling/statistics_archive.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

std::span<const double> SpanOf(const Eigen::VectorXd& v) {
  return {v.data(), static_cast<size_t>(v.size())};
}

absl::Status Read(const ArchiveReader& archive, const std::string& name, int64_t size,
                  Eigen::VectorXd& vector) {
  TORPOR_ASSIGN_OR_RETURN(std::vector<double> values, archive.Doubles(name, {size}));
  vector = Eigen::Map<const Eigen::VectorXd>(values.data(), size);
  return absl::OkStatus();
}

// Second dimension of a stored tensor; 0 if it is not there or has another rank.
int64_t StoredColumns(const ArchiveReader& archive, const std::string& name) {
  for (const v1::ArchiveTensor& tensor : archive.manifest().tensors()) {
    if (tensor.name() == name && tensor.shape_size() == 2) return tensor.shape(1);
  }
  return 0;
}

}  // namespace

void SaveStatistics(const LayerStatistics& statistics, const std::string& prefix,
                    ArchiveWriter& archive) {
  const auto add = [&](const char* what, const Eigen::VectorXd& values) {
    if (values.size() == 0) return;
    archive.AddDoubles(absl::StrCat(prefix, "/", what), {values.size()}, SpanOf(values));
  };
  add("mean", statistics.mean);
  add("stddev", statistics.stddev);
  add("active", statistics.active);
  add("mean_squared_input", statistics.mean_squared_input);
  const Matrix& quantiles = statistics.quantiles;
  if (quantiles.size() > 0) {
    archive.AddFloats(absl::StrCat(prefix, "/quantiles"), {quantiles.rows(), quantiles.cols()},
                      {quantiles.data(), static_cast<size_t>(quantiles.size())});
  }
  add("mean_input", statistics.mean_input);
  add("input_covariance", statistics.input_covariance);
  add("delta_mean", statistics.delta_mean);
}

absl::StatusOr<LayerStatistics> LoadStatistics(const ArchiveReader& archive,
                                               const std::string& prefix,
                                               const StatisticsShape& shape) {
  const auto name = [&](const char* what) { return absl::StrCat(prefix, "/", what); };
  LayerStatistics s;
  TORPOR_RETURN_IF_ERROR(Read(archive, name("mean"), shape.units, s.mean));
  TORPOR_RETURN_IF_ERROR(Read(archive, name("stddev"), shape.units, s.stddev));
  // So written that NaN, of a diverged network, passes.
  if ((s.stddev.array() < 0).any()) {
    return WithReason(absl::DataLossError(absl::StrCat("archive: tensor \"", name("stddev"),
                                                       "\" has a number below 0")),
                      "ARCHIVE_CORRUPT");
  }
  TORPOR_RETURN_IF_ERROR(Read(archive, name("active"), shape.units, s.active));
  TORPOR_RETURN_IF_ERROR(
      Read(archive, name("mean_squared_input"), shape.inputs, s.mean_squared_input));
  if (archive.Has(name("quantiles"))) {
    const int64_t groups = std::max<int64_t>(1, StoredColumns(archive, name("quantiles")));
    TORPOR_ASSIGN_OR_RETURN(std::vector<float> values,
                            archive.Floats(name("quantiles"), {shape.units, groups}));
    s.quantiles = Eigen::Map<const Matrix>(values.data(), shape.units, groups);
    if (shape.fan_in > 0) {
      TORPOR_RETURN_IF_ERROR(Read(archive, name("mean_input"), shape.fan_in, s.mean_input));
      TORPOR_RETURN_IF_ERROR(
          Read(archive, name("input_covariance"), shape.units_before, s.input_covariance));
    }
  }
  if (archive.Has(name("delta_mean"))) {
    TORPOR_RETURN_IF_ERROR(Read(archive, name("delta_mean"), shape.units, s.delta_mean));
  }
  return s;
}

}  // namespace torpor
