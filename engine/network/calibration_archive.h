// What every family keeps of where its calibration came from.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/digest.h"
#include "engine/network/archive.h"
#include "torpor/v1/model.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// SHA-256 (hex) of all parameters, in order: statistics belong to those that they were gathered
// with.
class ParametersDigest {
 public:
  void Add(std::span<const float> values);
  std::string FinishHex() { return digest_.FinishHex(); }

 private:
  Sha256 digest_;
};

// Dataset, its digest and samples of the calibration, and the parameters' digest.
void SaveCalibrationSource(const v1::Calibration& calibration, const std::string& parameters_digest,
                           ArchiveWriter& archive);
// The same fields again; nothing in an archive without calibration. DATA_LOSS with reason
// ARCHIVE_CORRUPT for a sample count that is none; FAILED_PRECONDITION with reason
// CALIBRATION_MISMATCH where it was gathered with other parameters.
absl::StatusOr<std::optional<v1::Calibration>> LoadCalibrationSource(
    const ArchiveReader& archive, const std::string& parameters_digest);

// The loss that a model was trained with.
void SaveLoss(v1::Loss::Kind loss, ArchiveWriter& archive);
// DATA_LOSS with reason ARCHIVE_CORRUPT where it is neither unset nor one of the family's `own`.
absl::StatusOr<v1::Loss::Kind> LoadLoss(const ArchiveReader& archive,
                                        std::initializer_list<v1::Loss::Kind> own);

}  // namespace torpor
