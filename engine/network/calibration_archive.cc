#include "engine/network/calibration_archive.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/archive_checks.h"

namespace torpor {

void ParametersDigest::Add(std::span<const float> values) {
  digest_.Update({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

void SaveCalibrationSource(const v1::Calibration& calibration, const std::string& parameters_digest,
                           ArchiveWriter& archive) {
  archive.SetText("calibration/dataset", calibration.dataset());
  archive.SetText("calibration/dataset_digest", calibration.dataset_digest());
  archive.SetText("calibration/samples", absl::StrCat(calibration.samples()));
  archive.SetText("calibration/parameters_digest", parameters_digest);
}

absl::StatusOr<std::optional<v1::Calibration>> LoadCalibrationSource(
    const ArchiveReader& archive, const std::string& parameters_digest) {
  const std::string samples_text = archive.Text("calibration/samples");
  if (samples_text.empty()) return std::optional<v1::Calibration>();
  int64_t samples = 0;
  if (!absl::SimpleAtoi(samples_text, &samples) || samples < 1) {
    return WithReason(absl::DataLossError("archive: text \"calibration/samples\" is not a count"),
                      "ARCHIVE_CORRUPT");
  }
  // Archives of older versions do not say which parameters they were gathered with.
  const std::string digest = archive.Text("calibration/parameters_digest");
  if (!digest.empty() && digest != parameters_digest) {
    return WithHelp(
        WithReason(absl::FailedPreconditionError(
                       "archive: its calibration was gathered with other parameters than it holds"),
                   "CALIBRATION_MISMATCH"),
        "Export the model anew, or import its parameters alone and calibrate them.");
  }
  v1::Calibration calibration;
  calibration.set_dataset(archive.Text("calibration/dataset"));
  calibration.set_dataset_digest(archive.Text("calibration/dataset_digest"));
  calibration.set_samples(samples);
  return std::optional<v1::Calibration>(std::move(calibration));
}

void SaveLoss(v1::Loss::Kind loss, ArchiveWriter& archive) {
  archive.SetText("loss", v1::Loss::Kind_Name(loss));
}

absl::StatusOr<v1::Loss::Kind> LoadLoss(const ArchiveReader& archive,
                                        std::initializer_list<v1::Loss::Kind> own) {
  v1::Loss::Kind loss = v1::Loss::UNSPECIFIED;
  if (!v1::Loss::Kind_Parse(archive.Text("loss"), &loss)) {
    return CorruptArchive(
        absl::StrCat("text \"loss\": no such loss: \"", archive.Text("loss"), "\""));
  }
  if (loss != v1::Loss::UNSPECIFIED && std::find(own.begin(), own.end(), loss) == own.end()) {
    return CorruptArchive(absl::StrCat("text \"loss\": networks of this family have no loss ",
                                       v1::Loss::Kind_Name(loss)));
  }
  return loss;
}

}  // namespace torpor
